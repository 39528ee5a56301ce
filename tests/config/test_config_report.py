"""Lines are shown so that the carets stand below what they mean, and nothing acts on a terminal."""

import unicodedata

import pytest

from mlptrain.config.report import Place, Report, Source, config_error, shorten


def shown(line, column, width=1):
    """The shown line and its carets, without the margin."""
    _, text, carets = str(Report(Place(Source("f", (line,)), 0, column, width), "m")).split("\n")
    assert text.startswith("    1 | ") or text == "    1 |"
    assert carets.startswith("      | ")
    return text[8:], carets[8:]


def columns(text):
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


@pytest.mark.parametrize(
    ("line", "column", "width", "text", "carets"),
    [
        ("a: bc", 3, 2, "a: bc", "   ^^"),
        ("a: bc", 5, 1, "a: bc", "     ^"),
        ("a:\tbc", 3, 2, "a:    bc", "      ^^"),
        ("a:\tbc", 2, 1, "a:    bc", "  ^^^^"),
        ("日本: x", 4, 1, "日本: x", "      ^"),
        ("日本: x", 0, 2, "日本: x", "^^^^"),
        ("e\u0301: x", 4, 1, "e\u0301: x", "   ^"),
        ("\x1b[2J: x", 6, 1, "\\x1b[2J: x", "         ^"),
        ("\u202ea: x", 4, 1, "\\u202ea: x", "         ^"),
        ("\xa0a: x", 0, 1, "\\xa0a: x", "^^^^"),
        ("", 0, 1, "", "^"),
    ],
)
def test_carets_stand_below(line, column, width, text, carets):
    assert shown(line, column, width) == (text, carets)


@pytest.mark.parametrize("filler", ["x", "日"])
@pytest.mark.parametrize("column", [0, 50, 99, 100, 150, 296, 297])
def test_long_lines_are_cut_around_the_place(filler, column):
    line = filler * column + "KEY" + filler * (297 - column)
    text, carets = shown(line, column, 3)
    start = carets.index("^")
    assert text.index("KEY") == len(text.partition("KEY")[0])
    assert columns(text.partition("KEY")[0]) == start
    assert carets[start:] == "^^^"
    assert len(text) <= 106
    assert text.startswith("...") == (column > 25)
    assert text.endswith("...") == (column < 200)


def test_an_override_has_no_line():
    assert str(Report(Place(Source("--set a=b")), "is wrong")) == "--set a=b: is wrong"


def test_all_reports_are_one_error():
    report = Report(Place(Source("--set a=b")), "is wrong")
    assert str(config_error("f", [report], 1)) == "--set a=b: is wrong"
    assert str(config_error("f", [report] * 2, 2)).endswith("is wrong\n2 errors in f")
    assert str(config_error("f", [report], 9)).endswith("\n9 errors in f; 1 are shown")


def test_shorten():
    assert shorten("a" * 60) == "a" * 60
    assert shorten("a" * 30 + "b" * 31) == "a" * 28 + "..." + "b" * 28

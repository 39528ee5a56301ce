"""What plain and quoted text means, and what the tree keeps of it."""

import math

import pytest

from mlptrain.config.report import Source
from mlptrain.config.scalars import is_long_integer, scalar_of
from mlptrain.config.tree import RefusedTextError, read_tree, value_of

PLAIN = [
    ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"),
    ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"),
    ("false", False), ("False", False), ("FALSE", False),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
    ("0", 0), ("7", 7), ("+5", 5), ("-5", -5), ("010", 10), ("-0", 0),
    ("0x10", 16), ("0xfF", 255), ("0o17", 15), ("0o18", "0o18"), ("0b1", "0b1"), ("-0x1", "-0x1"),
    ("1_000", "1_000"), ("1,000", "1,000"), ("٣", "٣"), ("1 2", "1 2"), ("+", "+"), ("-", "-"),
    ("1e-3", 0.001), ("1E3", 1000.0), ("1.0e3", 1000.0), ("1e+3", 1000.0), ("-1e-3", -0.001),
    (".5", 0.5), ("1.", 1.0), ("+.5", 0.5), ("-.5e1", -5.0), ("0.1", 0.1), (".", "."), ("e3", "e3"),
    ("1e", "1e"), ("1e3.5", "1e3.5"), ("1.2.3", "1.2.3"), ("1e999", math.inf),
    (".inf", math.inf), ("+.INF", math.inf), ("-.Inf", -math.inf), ("inf", "inf"), ("nan", "nan"),
    ("12:30:45", "12:30:45"), ("190:20", "190:20"), ("2020-99-99", "2020-99-99"),
    ("2024-01-01", "2024-01-01"), ("=", "="),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_plain_text(text, value):
    assert scalar_of(text) == value
    assert type(scalar_of(text)) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_no_number(text):
    assert math.isnan(scalar_of(text))


def test_long_integers():
    assert not is_long_integer("1" * 40)
    assert is_long_integer("1" * 41)
    assert is_long_integer("0x" + "f" * 40)
    assert not is_long_integer("1" * 41 + ".5")
    assert not is_long_integer("x" * 41)


def value(text):
    node, reports = read_tree(text, Source("text"))
    assert reports == []
    return value_of(node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 'no'", {"a": "no"}),
        ("a: '1'", {"a": "1"}),
        ('a: "1\\n2"', {"a": "1\n2"}),
        ("a: |\n  12\n", {"a": "12\n"}),
        ("a: >-\n  1\n  2\n", {"a": "1 2"}),
        ("1: a\nno: b\n~: c\n'': d\n", {"1": "a", "no": "b", "~": "c", "": "d"}),
        ("1e-3: x", {"1e-3": "x"}),
        ("a: [1, [], {}, {b: c}]", {"a": [1, [], {}, {"b": "c"}]}),
        ("a:\n- 1\n- x\n", {"a": [1, "x"]}),
        ("a: {b, c: 1}", {"a": {"b": None, "c": 1}}),
        ("'<<': 1", {"<<": 1}),
        ("a: b#c # d", {"a": "b#c"}),
        ("? a\n: 1\n", {"a": 1}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a: 日本語 😀", {"a": "日本語 😀"}),
        ("", None),
    ],
)
def test_values(text, expected):
    assert value(text) == expected


def test_twenty_levels_are_the_most():
    assert value("[" * 20 + "]" * 20) is not None
    assert len(value("[" + "[[]], " * 30 + "]")) == 30
    with pytest.raises(RefusedTextError):
        value("[" * 21 + "]" * 21)


def test_places_are_those_of_the_text():
    text = "a: {b: 'x'}\r\nlonger:\r\n  - 12\r\n"
    root, _ = read_tree(text, Source("text", tuple(text.split("\r\n"))))
    a, longer = root.entries["a"], root.entries["longer"]
    assert a.place[1:] == (0, 0, 1)
    assert a.node.place[1:] == (0, 3, 8)
    assert a.node.entries["b"].node.place[1:] == (0, 7, 3)
    assert longer.place[1:] == (1, 0, 6)
    assert longer.node.items[0].place[1:] == (2, 4, 2)

"""Texts stay texts, whatever they hold."""

from html.parser import HTMLParser

import pytest

from mlptrain.report.markup import element, markup, preformatted


class Seen(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\"'><img src=x onerror=alert(1)>&amp;", "\"'><img src=x onerror=alert(1)>&amp;"),
        ("]]></title></style>", "]]></title></style>"),
        ("a\0b\x1b\ud800\udcff\ufffe", r"a\x00b\x1b\ud800\udcff\ufffe"),
        ("line\nbreak\u202e", r"line\nbreak\u202e"),
    ],
)
def test_a_text_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    page = markup(element("p", text, "!", element("br"), text, title=text))
    page.encode()
    seen = Seen(page)
    assert seen.tags == ["p", "br"]
    assert "".join(seen.texts).strip() == f"{shown}!{shown}"
    assert seen.attributes == [shown]


def test_lines_stay_lines() -> None:
    assert markup(preformatted("pre", "a: <b>\n  c\0")).endswith(
        "<pre>a: &lt;b&gt;\n  c\\x00</pre>\n"
    )


def test_attributes_are_named_as_in_markup_and_numbers_are_short() -> None:
    made = element("a", None, class_="b", aria_label="c", x=1 / 3, y=2.0, z=3)
    assert made.attrib == {"class": "b", "aria-label": "c", "x": "0.33", "y": "2", "z": "3"}

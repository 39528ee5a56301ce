"""Tables, lists of facts, and boxes that scroll when what they hold is wider than the page."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from mlptrain.report.markup import Content, element, preformatted

Row = Sequence[str]


def table(
    caption: str,
    titles: Row,
    rows: Iterable[Row],
    *,
    texts: int = 0,
    last: Row | None = None,
) -> Element:
    """A table whose rows begin with their header. Columns are numbers, flush right, but for the
    first and the `texts` after it; `last`: a row that sums up the others."""
    head = [
        element("th", title, scope="col", **({"class_": "text"} if 0 < i <= texts else {}))
        for i, title in enumerate(titles)
    ]
    parts = [element("thead", element("tr", *head))]
    parts.append(element("tbody", *(_row(row, texts) for row in rows)))
    if last is not None:
        parts.append(element("tfoot", _row(last, texts)))
    made = element("table", element("caption", caption), *parts, class_="numbers")
    return scrolling(caption, made)


def facts(pairs: Iterable[tuple[str, str]]) -> Element:
    """Names and their values, side by side where there is room."""
    items = (element("div", element("dt", name), element("dd", value)) for name, value in pairs)
    return element("dl", *items, class_="facts")


def notes(texts: Iterable[str]) -> Element | None:
    """A list of remarks, each of one or several lines; None without any."""
    items = [element("li", *(element("p", line) for line in text.split("\n"))) for text in texts]
    return element("ul", *items, class_="notes") if items else None


def listing(label: str, text: str) -> Element:
    """Lines of text as they are."""
    return scrolling(label, preformatted("pre", text))


def scrolling(label: str, content: Content) -> Element:
    """A box that scrolls, also with the keyboard."""
    about = {"role": "region", "aria_label": label, "tabindex": "0"}
    return element("div", content, class_="scroll", **about)


def _row(row: Row, texts: int) -> Element:
    header, *cells = row
    made = [
        element("td", element("bdi", cell), class_="text") if index < texts else element("td", cell)
        for index, cell in enumerate(cells)
    ]
    return element("tr", element("th", element("bdi", header), scope="row"), *made)

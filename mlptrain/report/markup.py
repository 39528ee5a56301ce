"""HTML and SVG as trees of elements.

Every text passes through `element`, which shows what cannot be printed as escapes; the tree is
turned into markup as a whole, so a name can neither become markup nor break it.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

from mlptrain.text import printable, printable_lines

Content = Element | str | None


def element(tag: str, *content: Content, **attributes: str | float) -> Element:
    """An element of that tag. None is left out. Attributes are named as in markup, with "_" for
    "-", and one at the end where Python has the word: `class_`, `aria_label`."""
    made = Element(tag)
    for name, value in attributes.items():
        made.set(name.rstrip("_").replace("_", "-"), written(value))
    add(made, content)
    return made


def add(parent: Element, content: Iterable[Content]) -> None:
    """Append elements and texts to `parent`."""
    for each in content:
        if isinstance(each, Element):
            parent.append(each)
        elif each is not None:
            _add_text(parent, printable(each))


def preformatted(tag: str, text: str) -> Element:
    """An element with several lines of text."""
    made = Element(tag)
    made.text = printable_lines(text)
    return made


def written(value: str | float) -> str:
    """The value of an attribute: numbers with at most two decimals."""
    if isinstance(value, str):
        return printable(value)
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def markup(root: Element) -> str:
    """The HTML of a whole tree."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _add_text(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text

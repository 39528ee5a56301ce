"""How error messages show values and choices."""

import difflib
from collections.abc import Sequence

from mlptrain.config.report import shorten
from mlptrain.config.scalars import is_long_integer, scalar_of
from mlptrain.config.tree import (
    BrokenNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    value_of,
)


def quoted(text: str) -> str:
    """`text`, shortened, between quotes."""
    return repr(shorten(text))


def any_of(names: Sequence[str]) -> str:
    """'a', 'b' or 'c'"""
    *others, last = [quoted(name) for name in names] or ["nothing"]
    return f"{', '.join(others)} or {last}" if others else last


def nearest(word: str, names: Sequence[str]) -> str | None:
    """The name that `word` is most likely a misspelling of."""
    matches = difflib.get_close_matches(word.lower(), names, n=1)
    return matches[0] if matches else None


def suggestion(word: str, names: Sequence[str]) -> str:
    """What to write instead of `word`: the nearest name, or any of the names."""
    name = nearest(word, names)
    return f"did you mean {name!r}?" if name else f"use {any_of(names)}"


def shown(node: Node) -> str:
    """The value of `node` as the user wrote it."""
    match node:
        case ScalarNode(text="", quoted=False):
            return "nothing"
        case ScalarNode(text=text):
            return quoted(text) if is_text(node) else shorten(text)
        case SequenceNode(items=items):
            return "a list" if items else "an empty list"
        case MappingNode() | BrokenNode():
            return "a mapping"


def is_text(node: Node) -> bool:
    """Whether `node` holds a string."""
    return isinstance(node, ScalarNode) and isinstance(value_of(node), str)


def is_quoted_value(node: ScalarNode) -> bool:
    """Whether `node` would not be a string without its quotes."""
    if not node.quoted or is_long_integer(node.text):
        return False
    return not isinstance(scalar_of(node.text), str)

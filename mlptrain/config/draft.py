"""A config to start with, as YAML for a person to go on with: few keys, and comments on them."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from mlptrain.config.describe import COMMENT_COLUMN, Line, joined, scalar_text
from mlptrain.text import printable

WIDTH = 100  # columns of a line with its comment


def drafted(keys: Mapping[str, object], comments: Mapping[str, str]) -> str:
    """The config with these `keys`. `comments`, of one or more lines, belong to keys such as
    "data.train"; that of "" to the whole file, at its top."""
    return joined([*_wrapped(comments.get("", ""), ""), *_section(keys, comments, "")])


def _section(keys: Mapping[str, object], comments: Mapping[str, str], path: str) -> Iterator[Line]:
    """A line per key; sections, and lists of mappings, are indented below theirs."""
    indent = "  " if path else ""
    for key, value in keys.items():
        name = f"{path}{key}"
        lines = [Line(f"{indent}{scalar_text(key)}: {_inline(value)}")]
        if isinstance(value, Mapping) and not path and "type" not in value:
            lines = [Line(f"{key}:"), *_section(value, comments, f"{name}.")]
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            items = [Line(f"{indent}  - {_inline(each)}") for each in value]
            lines = [Line(f"{indent}{key}:"), *items]
        comment = comments.get(name, "")
        room = WIDTH - max(len(lines[0].text), COMMENT_COLUMN) - 4
        if comment and len(comment) <= room and "\n" not in comment:
            lines[0] = Line(lines[0].text, printable(comment))
        else:
            yield from _wrapped(comment, indent)
        yield from lines


def _wrapped(comment: str, indent: str) -> Iterator[Line]:
    """Each line of `comment` as lines on their own."""
    for text in comment.split("\n"):
        for row in textwrap.wrap(printable(text), WIDTH - len(indent) - 2):
            yield Line(f"{indent}# {row}")


def _inline(value: object) -> str:
    """`value` on one line."""
    if isinstance(value, Mapping):
        pairs = [f"{scalar_text(key)}: {_inline(each)}" for key, each in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_inline, value))}]"
    return scalar_text(value)

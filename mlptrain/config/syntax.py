"""PyYAML's syntax errors in plain words."""

import re
from typing import Any, NamedTuple

import yaml


class Wording(NamedTuple):
    """The message for a PyYAML error that matches `pattern`. {0} is the pattern's group; {line} is
    the line where the construct that PyYAML was reading starts. With `at_start`, that start is
    reported as the place."""

    pattern: str
    text: str
    at_start: bool = False


_MISPLACED = "this does not fit here; check the indentation above"
_TAGS = "tags (!) are not allowed; the value itself says what type it is"

_WORDINGS = (
    Wording(r"character '\\t' that", "a tab cannot stand here; YAML is indented with spaces"),
    Wording(r"character '([@`%])' that", "a value cannot begin with '{0}'; put it in quotes"),
    Wording("could not find expected ':'", "a key must be followed by ':' and a value"),
    Wording(
        "(?:values|entries|keys) are not allowed here",
        f"{_MISPLACED}, and quote text that holds ': '",
    ),
    Wording("expected <block end>", f"{_MISPLACED}, and the brackets"),
    Wording(r"expected ',' or '(.)', but got '<\w+ end>'", "no '{0}' closes this", at_start=True),
    Wording(
        "expected ',' or '(.)', but got",
        "',' or '{0}' is due here; the bracket of line {line} is still open",
    ),
    Wording("expected the node content", "a value is due here"),
    Wording(
        r"unexpected (?:end of stream|document separator)|escape character '\\x00'",
        "no quote closes this text",
        at_start=True,
    ),
    Wording(
        "found unknown escape character '(.*)'",
        r"'\{0}' is no escape; in double quotes write '\\' for a backslash, or use single quotes",
    ),
    Wording("escape sequence of", r"an escape such as '\x41' is not complete"),
    Wording("expected '<document start>'", "this comes after the end of the config"),
    Wording("tag", _TAGS),
    Wording("alias|anchor", "'&' and '*' begin anchors and aliases; quote text with them"),
    Wording("block scalar", "after '|' or '>' the text begins on the next line"),
    Wording("directive|incompatible", "directives (%...) are not allowed; remove this line"),
)


def explain_syntax(error: yaml.MarkedYAMLError) -> tuple[str, Any]:
    """What is wrong, and the mark of its place."""
    complaint = f"{error.context or ''} {error.problem or ''}"
    start = error.context_mark or error.problem_mark
    line = start.line + 1 if start else 1
    for wording in _WORDINGS:
        if found := re.search(wording.pattern, complaint):
            mark = start if wording.at_start else error.problem_mark
            return wording.text.format(*found.groups(), line=line), mark
    return "this is not valid YAML", error.problem_mark

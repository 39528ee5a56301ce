"""PyYAML's complaints about the syntax, in a user's words."""

import re

import yaml

# What PyYAML reports -> what to tell. The first pattern found in its text decides; {0} is what the
# pattern's group holds.
_WORDING = (
    (
        r"character '\\t' that cannot",
        "a tab cannot stand here; YAML is indented with spaces",
    ),
    (
        r"character '([@`%])' that cannot",
        "a value cannot begin with '{0}'; put it in quotes",
    ),
    (r"could not find expected ':'", "a key must be followed by ':' and a value"),
    (
        r"mapping values are not allowed|sequence entries are not allowed"
        r"|mapping keys are not allowed",
        "this does not fit here; check the indentation above, and quote text that holds ': '",
    ),
    (
        r"expected <block end>, but found",
        "this does not fit here; check the indentation and the brackets above",
    ),
    (r"expected ',' or '(.)', but got '<(?:stream|document) end>'", "no '{0}' closes this"),
    (
        r"expected ',' or '(.)', but got",
        "',' or '{0}' is due here",
    ),
    (r"expected the node content, but found", "a value is due here"),
    (r"unexpected (?:end of stream|document separator)", "no quote closes this text"),
    (
        r"found unknown escape character '(.*)'",
        "'\\{0}' is no escape; in double quotes write '\\\\' for a backslash, or use single quotes",
    ),
    (r"escape sequence of", "an escape such as '\\x41' is not complete"),
    (r"expected '<document start>'", "this comes after the end of the config"),
    (r"tag", "tags are not allowed; a value's type follows from how it is written"),
    (r"scanning an (alias|anchor)", "'&' and '*' begin anchors and aliases; quote text with them"),
    (r"block scalar", "after '|' or '>' the text begins on the next line"),
    (r"directive|incompatible", "directives (%...) are not allowed; remove this line"),
)


def explain(error: yaml.MarkedYAMLError) -> tuple[str, yaml.Mark | None]:
    """What is wrong, and where."""
    complaint = f"{error.context or ''} {error.problem or ''}"
    for pattern, wording in _WORDING:
        if found := re.search(pattern, complaint):
            opened = wording.startswith("no ")  # point at what was opened, not at the end
            mark = error.context_mark if opened else error.problem_mark
            return wording.format(*found.groups()), mark
    return "this is not valid YAML", error.problem_mark

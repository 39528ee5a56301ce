"""YAML text -> a tree of nodes that know their places. This is the gate against unsafe YAML.

Events come from PyYAML's pure-Python parser; its constructors, which hang or crash on some inputs,
are never used. Anchors, aliases, tags, merge keys, duplicate keys, keys that are not plain text and
over-long integers are reported with their places, and reading continues. A syntax error, a second
document, deep nesting or too many nodes end it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlptrain.config.report import Place, Report, Source, shorten
from mlptrain.config.scalars import MAX_DIGITS, is_long_integer, scalar_of
from mlptrain.config.syntax import explain_syntax
from mlptrain.data.sources.source import FromFolder

MAX_DEPTH = 20
MAX_NODES = 20_000

# PyYAML treats some of these as line breaks or skips them; editors do not, so places would differ.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
                        "\U00010000-\U0010ffff]")  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class ScalarNode:
    """A single value as written."""

    place: Place
    text: str
    quoted: bool


@dataclass
class SequenceNode:
    """A list."""

    place: Place
    items: list["Node"] = field(default_factory=list)


@dataclass
class Entry:
    """A key's place and its value."""

    place: Place
    node: "Node"


@dataclass
class MappingNode:
    """Keys and their values, in file order."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass
class BrokenNode:
    """Placeholder for something that the gate has reported."""

    place: Place


Node = ScalarNode | SequenceNode | MappingNode | BrokenNode


class RefusedTextError(Exception):
    """The text cannot be read to the end; the last of `reports` says why."""

    def __init__(self, *reports: Report) -> None:
        super().__init__(*reports)
        self.reports = reports


def value_of(node: Node) -> object:
    """The plain Python value of `node`, for pydantic to validate."""
    match node:
        case ScalarNode(text=text, quoted=quoted):
            value = text if quoted else scalar_of(text)
            folder = node.place.source.folder
            return FromFolder(value, folder) if folder and isinstance(value, str) else value
        case SequenceNode(items=items):
            return [value_of(item) for item in items]
        case MappingNode(entries=entries):
            return {key: value_of(entry.node) for key, entry in entries.items()}
        case BrokenNode():
            return node


def read_tree(text: str, source: Source) -> tuple[Node, list[Report]]:
    """The tree of the one document in `text`, and what the gate found in it.

    Raises RefusedTextError where reading cannot continue."""
    if found := _FORBIDDEN.search(text):
        lines = lines_of(text[: found.start()])
        place = Place(source, len(lines) - 1, len(lines[-1]))
        raise RefusedTextError(Report(place, f"{_name(found[0])} is not allowed; remove it"))
    return _Reader(text, source).document()


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of `text`, at least one, as PyYAML and editors count them."""
    return tuple(re.split(r"\r\n|\r|\n", text))


def _name(character: str) -> str:
    names = {"\0": "a NUL character", "\ufeff": "a byte order mark"}
    return names.get(character, f"the character U+{ord(character):04X}")


class _Reader:
    """Builds the tree from PyYAML's events."""

    def __init__(self, text: str, source: Source) -> None:
        self.loader: Any = yaml.SafeLoader(text)  # the type stubs lack the events' attributes
        self.source = source
        self.reports: list[Report] = []
        self.nodes = 0
        self.depth = 0

    def document(self) -> tuple[Node, list[Report]]:
        self.event()  # the stream's start
        if isinstance(self.event(), yaml.StreamEndEvent):
            return ScalarNode(Place(self.source), "", quoted=False), self.reports
        root = self.node(self.event())
        self.event()  # the document's end
        if not isinstance(after := self.event(), yaml.StreamEndEvent):
            raise self.refused_at(after.start_mark, "a second document begins; a config is one")
        return root, self.reports

    def event(self) -> Any:
        """The next event; PyYAML's errors become RefusedTextErrors."""
        try:
            return self.loader.get_event()
        except yaml.MarkedYAMLError as error:
            message, mark = explain_syntax(error)
            raise self.refused_at(mark or self.loader.get_mark(), message) from None
        except (ValueError, OverflowError):  # an escape or a directive with too large a number
            raise self.refused_at(self.loader.get_mark(), "this number is too large") from None

    def refused_at(self, mark: Any, message: str) -> RefusedTextError:
        return self.refused(self.place(mark, mark), message)

    def refused(self, place: Place, message: str) -> RefusedTextError:
        """The error that ends reading, with the reports so far."""
        return RefusedTextError(*self.reports, Report(place, message))

    def report(self, place: Place, message: str) -> None:
        self.reports.append(Report(place, message))

    def place(self, start: Any, end: Any) -> Place:
        """From `start` to `end`, or to the end of the line `start` is in."""
        if not self.source.lines:
            return Place(self.source)
        line = self.source.lines[start.line]
        last = end.column if end.line == start.line else len(line.rstrip())
        return Place(self.source, start.line, start.column, max(last - start.column, 1))

    def node(self, event: Any) -> Node:
        """The node that starts with `event`."""
        place = self.place(event.start_mark, event.end_mark)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refused(place, f"more than {MAX_NODES:,} values; a config is small")
        if isinstance(event, yaml.AliasEvent):
            self.report(place, "aliases (*) are not allowed; write the value out")
            return BrokenNode(place)
        if event.anchor is not None:
            self.report(place, "anchors (&) are not allowed; write the value out where it is used")
        if event.tag is not None:
            self.report(place, "tags (!) are not allowed; the value itself says what type it is")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refused(place, f"nested more than {MAX_DEPTH} levels deep")
        is_sequence = isinstance(event, yaml.SequenceStartEvent)
        node = self.sequence(event) if is_sequence else self.mapping(event)
        self.depth -= 1
        return node

    def scalar(self, event: Any, place: Place) -> ScalarNode | BrokenNode:
        if event.tag is not None:
            return BrokenNode(place)
        if found := _SURROGATE.search(event.value):
            self.report(place, f"{_name(found[0])} is half a character and cannot stand alone")
            return BrokenNode(place)
        quoted = event.style is not None
        if not quoted and is_long_integer(event.value):
            count = len(event.value)
            self.report(place, f"a number of {count:,} digits; at most {MAX_DIGITS} are allowed")
            return BrokenNode(place)
        return ScalarNode(place, event.value, quoted)

    def sequence(self, start: Any) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := self.event(), yaml.SequenceEndEvent):
            items.append(self.node(event))
        return SequenceNode(self.whole(start, event), items)

    def mapping(self, start: Any) -> MappingNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self.event(), yaml.MappingEndEvent):
            self.entry(entries, self.node(event))
        first = next(iter(entries.values()), None)
        block = first is not None and not start.flow_style
        return MappingNode(first.place if first and block else self.whole(start, event), entries)

    def whole(self, start: Any, end: Any) -> Place:
        """The place of a flow collection, including its brackets; for a block, its start."""
        return self.place(start.start_mark, end.end_mark if start.flow_style else start.end_mark)

    def entry(self, entries: dict[str, Entry], key: Node) -> None:
        """Read the value of `key` into `entries`."""
        node = self.node(self.event())
        if not isinstance(key, ScalarNode):
            if not isinstance(key, BrokenNode):
                self.report(key.place, "a list or a mapping cannot be a key")
        elif key.text == "<<" and not key.quoted:
            self.report(key.place, "merge keys (<<) are not allowed; write the keys out")
        elif first := entries.get(key.text):
            self.report(key.place, _twice(key.text, first.place))
        else:
            if isinstance(node, ScalarNode) and not node.text and not node.quoted:
                node.place = key.place  # nothing is written: the key is all there is to show
            entries[key.text] = Entry(key.place, node)


def _twice(key: str, first: Place) -> str:
    where = f"first in line {first.line + 1}" if first.source.lines else "keep one"
    return f"key {shorten(key)!r} is given twice, {where}"

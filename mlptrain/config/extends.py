"""`extends: base.yaml`: a config file whose keys go into those of another one.

Files are read from the config itself down to the last one it extends, and merged the other way
round. Every node keeps its place, so a mistake is shown in the file that holds it.
"""

import os
from pathlib import Path

from pydantic import BaseModel

from mlptrain.config.fields import Models, field_of, models_in
from mlptrain.config.overrides import mapping_for
from mlptrain.config.report import SHOWN_REPORTS, Place, Report, Source, config_error
from mlptrain.config.tree import (
    Entry,
    MappingNode,
    Node,
    RefusedTextError,
    ScalarNode,
    lines_of,
    read_tree,
    value_of,
)
from mlptrain.config.wording import shown
from mlptrain.data.sources.source import locate
from mlptrain.errors import ConfigError
from mlptrain.paths import UnreadableError, read_file, unmarked
from mlptrain.text import show_path

KEY = "extends"
MAX_BYTES = 1 << 20
MAX_PARENTS = 8


def read_config(path: Path) -> bytes:
    """The content of the config file `path`. Raises ConfigError."""
    try:
        return read_file(str(path), MAX_BYTES)
    except UnreadableError as error:
        raise ConfigError(f"{show_path(path)}: {error}") from None


def folder_of(path: Path) -> str:
    """The folder where relative paths in the file `path` start. Links are resolved, as the
    operating system does, so that `..` means the same to both."""
    return os.path.realpath(path.parent)


def read_trees(data: bytes, path: Path) -> tuple[list[Node], list[Report]]:
    """The trees of the config in `data`, the content of the file `path`, and of those it extends,
    nearest first, without their `extends`; and what the gate found in them."""
    first, known = folder_of(path), [os.path.realpath(path)]
    trees: list[Node] = []
    reports: list[Report] = []
    while True:
        name, beyond = show_path(path), os.path.relpath(folder_of(path), first)
        text = _decode(data, name)
        folder = "" if beyond == os.curdir else beyond
        try:
            tree, found = read_tree(text, Source(name, lines_of(text), -len(trees), folder))
        except RefusedTextError as error:
            raise config_error(name, error.reports[-SHOWN_REPORTS:], len(error.reports)) from None
        if trees and not isinstance(tree, MappingNode):
            found.append(Report(tree.place, "a config that another one extends must hold keys"))
        trees.append(tree)
        reports += found
        entry = tree.entries.pop(KEY, None) if isinstance(tree, MappingNode) else None
        if entry is None:
            return trees, reports
        path = _parent(entry.node, path, known)
        known.append(os.path.realpath(path))
        data = _read_parent(path, entry.node.place)


def merged(trees: list[Node], model: type[BaseModel]) -> Node:
    """One tree of all `trees`, the nearest of which comes first and wins."""
    nearest, *others = trees
    for tree in others:
        nearest = _merged(tree, nearest, (model,))
    return nearest


def _merged(base: Node, own: Node, models: Models) -> Node:
    """`own`, which can be one of `models`, with the keys that only `base` has. Mappings are merged,
    unless they are choices of two types; everything else of `base` is replaced."""
    if isinstance(base, ScalarNode):  # perhaps a choice given by its name
        base = mapping_for(base, base.place, models)
    if not isinstance(own, MappingNode) or not isinstance(base, MappingNode):
        return own
    own_type = own.entries.get("type")
    if own_type and _text(own_type) != _text(base.entries.get("type")):
        return own
    entries = dict(base.entries)
    for key, entry in own.entries.items():
        node, below = entry.node, base.entries.get(key)
        if below:
            field = field_of(models, key)
            node = _merged(below.node, node, models_in(field.annotation) if field else ())
        entries[key] = Entry(entry.place, node)
    return MappingNode(own.place, entries)


def _text(entry: Entry | None) -> str | None:
    return entry.node.text if entry and isinstance(entry.node, ScalarNode) else None


def _decode(data: bytes, name: str) -> str:
    try:
        data = unmarked(data)
    except UnreadableError as error:
        raise ConfigError(f"{name}: {error}") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = lines_of(data[: error.start].decode())
        source = Source(name, lines_of(data.decode(errors="backslashreplace")))
        place = Place(source, len(before) - 1, len(before[-1]), len(r"\xff"))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise config_error(name, [Report(place, message)], 1) from None


def _parent(node: Node, path: Path, known: list[str]) -> Path:
    """The file that `path` extends, according to `node`. Raises ConfigError, also if it is one of
    the `known` files or one too many."""
    written = value_of(node)
    if not isinstance(node, ScalarNode) or not isinstance(written, str):
        raise _error(node.place, f"{KEY} must be the path of a config file, got {shown(node)}")
    try:
        parent = Path(locate(node.text, folder_of(path)))
    except ValueError as error:
        raise _error(node.place, f"{KEY}: {error}") from None
    if (target := os.path.realpath(parent)) in known:
        circle = [*known[known.index(target) :], target]
        names = " -> ".join(show_path(Path(each).name) for each in circle)
        raise _error(node.place, f"{KEY} leads back to a file that is being read: {names}")
    if len(known) > MAX_PARENTS:
        raise _error(node.place, f"a config extends at most {MAX_PARENTS} files, one after another")
    return parent


def _read_parent(path: Path, place: Place) -> bytes:
    try:
        return read_file(str(path), MAX_BYTES)
    except UnreadableError as error:
        raise _error(place, f"{KEY}: {show_path(path)} {error}") from None


def _error(place: Place, message: str) -> ConfigError:
    return config_error(place.source.name, [Report(place, message)], 1)

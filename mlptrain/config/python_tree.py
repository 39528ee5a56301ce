"""A config as Python's dicts, lists and values -> plain data, and a tree of it, so that mistakes
are put into the same words as those in a file."""

import os
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from mlptrain.config.report import Place, Source
from mlptrain.config.tree import MAX_DEPTH, Entry, MappingNode, Node, ScalarNode, SequenceNode
from mlptrain.errors import ConfigError

NAME = "config"  # in messages


def plain_data(value: Any, depth: int = 0) -> Any:
    """`value` with dicts for mappings, lists for sequences, strings for paths, and Python's numbers
    for NumPy's. Raises ConfigError if it is nested too deep."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"{NAME}: is nested more than {MAX_DEPTH} levels deep.")
    match value:
        case Mapping():
            return {str(key): plain_data(each, depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [plain_data(each, depth + 1) for each in value]
        case np.ndarray():
            return value.tolist()
        case os.PathLike():
            return os.fspath(value)
        case np.generic():
            return value.item()
    return value


def tree_of(data: Any) -> Node:
    """The tree of plain `data`."""
    return _node(data, count())


def _node(data: Any, lines: Iterator[int]) -> Node:
    place = Place(Source(NAME), next(lines))  # mistakes are reported in the order of the lines
    match data:
        case dict():
            entries = {
                key: Entry(Place(Source(NAME), next(lines)), _node(value, lines))
                for key, value in data.items()
            }
            return MappingNode(place, entries)
        case list():
            return SequenceNode(place, [_node(value, lines) for value in data])
        case str():
            return ScalarNode(place, data, quoted=True)
        case bool():
            return ScalarNode(place, str(data).lower(), quoted=False)
        case None:
            return ScalarNode(place, "null", quoted=False)
    return ScalarNode(place, repr(data), quoted=False)

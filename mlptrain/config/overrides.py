"""`--set training.optimizer.learning_rate=0.01`: values put into a config's tree.

The key is a dotted path, with indices for list entries; the value is read by the rules of the file.
An environment variable MLPTRAIN_SET__training__optimizer__learning_rate says the same.
Missing mappings along the path are created. If the file gives a choice only by name, or leaves it
at its default, the new mapping keeps that name as its `type`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from pydantic import BaseModel

from mlptrain.config.fields import Models, field_of, models_in, models_named
from mlptrain.config.report import Place, Report, Source, shorten
from mlptrain.config.tree import (
    MAX_DEPTH,
    Entry,
    MappingNode,
    Node,
    RefusedTextError,
    ScalarNode,
    SequenceNode,
    read_tree,
)
from mlptrain.text import printable

VARIABLE = "MLPTRAIN_SET__"


class Override(NamedTuple):
    """A key to set.

    Attributes:
        shown: as the user wrote it, for messages.
        text: as for `--set`: a path, =, and a value.
        form: what the user may write.
    """

    shown: str
    text: str
    form: str

    @classmethod
    def of_option(cls, text: str) -> Self:
        """What `--set` says."""
        return cls(f"--set {_short(text)}", text, "key=value, a.b.c=value")

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> list[Self]:
        """What the environment says, in the order of the variables' names."""
        form = f"{VARIABLE}key=value, {VARIABLE}a__b__c=value"
        return [
            cls(_short(f"{name}={value}"), f"{'.'.join(name.split('__')[1:])}={value}", form)
            for name, value in sorted(variables.items())
            if name.startswith(VARIABLE)
        ]


def override(
    root: Node, overrides: Sequence[Override], model: type[BaseModel]
) -> tuple[Node, list[Report]]:
    """`root` with all `overrides` applied, later ones winning, and reports of what is wrong."""
    reports: list[Report] = []
    for order, (shown, text, form) in enumerate(overrides, start=1):
        source = Source(shown, order=order)
        path, equals, value = text.partition("=")
        keys = path.split(".")
        try:
            if not equals or "" in keys or len(keys) > MAX_DEPTH or not path.isprintable():
                raise RefusedTextError(Report(Place(source), f"write it as {form}"))
            node, found = read_tree(value, source)
            reports += found
            root = _put(root, keys, node, (model,))
        except RefusedTextError as error:
            reports += error.reports
    return root, reports


def _short(text: str) -> str:
    return shorten(printable(text), 200)


def _put(node: Node, keys: list[str], value: Node, models: Models) -> Node:
    """`node`, which can be one of `models`, with `value` set at the path `keys`."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, SequenceNode):
        index = _index(node, key, value.place)
        node.items[index] = _put(node.items[index], rest, value, models)
        return node
    if not isinstance(node, MappingNode):
        node = mapping_for(node, value.place, models)
    entry = node.entries.get(key) or Entry(value.place, ScalarNode(value.place, "", quoted=False))
    field = field_of(models, key)
    inner = models_in(field.annotation) if field else ()
    if rest and field and isinstance(entry.node, ScalarNode) and not entry.node.text:
        entry.node.text = getattr(field.default, "type", "")  # the default choice
    place = entry.place if rest else value.place  # a key gets the place of its value
    node.entries[key] = Entry(place, _put(entry.node, rest, value, inner))
    return node


def _index(node: SequenceNode, key: str, place: Place) -> int:
    if key.isdecimal() and len(key) < 10 and int(key) < len(node.items):
        return int(key)
    count = len(node.items)
    raise RefusedTextError(Report(place, f"no entry {key!r} in a list of {count}; the first is 0"))


def mapping_for(node: Node, place: Place, models: Models) -> MappingNode:
    """The mapping that replaces `node`: the long form of a choice, or an empty one."""
    if isinstance(node, ScalarNode) and models_named(models, node.text):
        return MappingNode(node.place, {"type": Entry(node.place, node)})
    return MappingNode(place)

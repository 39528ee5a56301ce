"""pydantic's errors -> reports: each in plain words, at its place in the tree."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlptrain.config.fields import Models, field_of, keys_of, models_in, models_named, type_names
from mlptrain.config.report import SHOWN_REPORTS, Place, Report, shorten
from mlptrain.config.tree import (
    BrokenNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    value_of,
)
from mlptrain.config.wording import (
    any_of,
    is_quoted_value,
    is_text,
    nearest,
    quoted,
    shown,
    suggestion,
)
from mlptrain.data.sources.source import PATH_OR_MAPPING
from mlptrain.registry import BRANCH
from mlptrain.text import printable

_MAPPING = "must be a mapping of keys to values"
_RULES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must be a list of at least {min_length}",
    "too_long": "must be a list of at most {max_length}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
}


@dataclass
class Spot:
    """Where an error's location leads in the tree and in the schema."""

    keys: tuple[str, ...]  # the whole path
    node: Node  # the deepest node that exists
    key: Place | None  # the key of `node`, if it has one
    models: Models  # the models that the value at the end of the path can be
    parents: Models  # the models that the mapping with the last key can be

    @property
    def key_place(self) -> Place:
        """The place of the key, or of the value if it has no key."""
        return self.key or self.node.place

    @property
    def path(self) -> str:
        """The dotted path of the keys that lead here."""
        return _dotted(self.keys) or "the config"

    @property
    def holder(self) -> str:
        """' in ' and the path of the mapping that holds the last key."""
        return f" in {_dotted(self.keys[:-1])}" if self.keys[1:] else ""


def explain(error: ValidationError, root: Node, model: type[BaseModel]) -> tuple[list[Report], int]:
    """The first mistakes that `model` finds in `root`, in reading order, and the number of all."""
    mistakes = []
    for detail in error.errors(include_url=False, include_input=False):
        paths = detail.get("ctx", {}).get("at", ((),))
        spots = [_follow((*detail["loc"], *path), root, model) for path in paths]
        spot = max(spots, key=lambda each: each.key_place.order)
        if not _is_reported(detail, spot):
            mistakes.append((_place(detail, spot), detail, spot))
    mistakes.sort(key=lambda mistake: mistake[0].order)
    reports = [
        Report(place, _message(detail, spot)) for place, detail, spot in mistakes[:SHOWN_REPORTS]
    ]
    return reports, len(mistakes)


def _dotted(keys: Sequence[str]) -> str:
    return printable(shorten(".".join(keys), 200))


def _follow(location: Sequence[int | str], root: Node, model: type[BaseModel]) -> Spot:
    """Walk tree and schema side by side along `location`."""
    spot = Spot((), root, None, (model,), ())
    for part in location:
        if branch := _branch(part, spot.models):
            spot.models = models_named(spot.models, branch) or spot.models
            continue
        spot.keys += (str(part),)
        match spot.node:
            case MappingNode(entries=entries) if entry := entries.get(str(part)):
                spot.node, spot.key = entry.node, entry.place
            case SequenceNode(items=items) if isinstance(part, int):
                spot.node, spot.key = items[part], None
        if isinstance(part, str):
            field = field_of(spot.models, part)
            spot.parents, spot.models = spot.models, models_in(field.annotation) if field else ()
    return spot


def _branch(part: int | str, models: Models) -> str | None:
    """The name of the branch that pydantic took, if `part` of a location is that and not a key."""
    if not isinstance(part, str):
        return None
    if part.startswith(BRANCH):
        return part.removeprefix(BRANCH)
    return part if len(models) > 1 and models_named(models, part) else None


def _is_reported(detail: ErrorDetails, spot: Spot) -> bool:
    """Whether another report covers this one: one of the gate, one about a misspelt key, or one
    about a wrong entry of a list (after which pydantic counts only the valid entries)."""
    match spot.node:
        case BrokenNode():
            return True
        case SequenceNode(items=items) if detail["type"] == "too_short":
            return len(items) >= int(detail["ctx"]["min_length"])
        case MappingNode(entries=entries) if detail["type"] == "missing":
            unknown = [key for key in entries if key not in keys_of(spot.parents)]
            return nearest(spot.keys[-1], unknown) is not None
    return False


def _place(detail: ErrorDetails, spot: Spot) -> Place:
    """The place of the key if a key is unknown or missing, else of the value."""
    if detail["type"] in ("extra_forbidden", "missing", "conflict"):
        return spot.key_place
    if detail["type"] in ("unknown_choice", "union_tag_invalid"):
        return (_written_type(spot.node) or spot.node).place
    return spot.node.place


def _message(detail: ErrorDetails, spot: Spot) -> str:
    if special := _SPECIAL.get(detail["type"]):
        return special(detail, spot)
    limits = {
        name: f"{limit:.15g}" if isinstance(limit, float) else limit
        for name, limit in detail.get("ctx", {}).items()
    }
    rule = _RULES.get(detail["type"], "is not valid").format(**limits)
    got = limits.get("actual_length", shown(spot.node))
    return f"{spot.path} {rule}, got {got}{_hint(spot, rule)}"


def _unknown_key(detail: ErrorDetails, spot: Spot) -> str:  # noqa: ARG001
    hint = suggestion(spot.keys[-1], keys_of(spot.parents))
    return f"unknown key {quoted(spot.keys[-1])}{spot.holder}; {hint}"


def _missing_key(detail: ErrorDetails, spot: Spot) -> str:  # noqa: ARG001
    return f"missing key {quoted(spot.keys[-1])}{spot.holder}"


def _unknown_choice(detail: ErrorDetails, spot: Spot) -> str:
    names, written = type_names(spot.models), _written_type(spot.node)
    if written is not None and is_text(written):
        kind = detail["ctx"].get("kind", "type")
        return f"unknown {kind} {shown(written)}; {suggestion(written.text, names)}"
    if isinstance(spot.node, MappingNode) and written is None:
        return f"{spot.path} needs a key 'type': {any_of(names)}"
    return f"{spot.path} must be {any_of(names)}, got {shown(written or spot.node)}"


def _written_type(node: Node) -> ScalarNode | None:
    """The scalar that names a choice."""
    if isinstance(node, MappingNode) and "type" in node.entries:
        node = node.entries["type"].node
    return node if isinstance(node, ScalarNode) else None


def _unknown_literal(detail: ErrorDetails, spot: Spot) -> str:
    expected = detail["ctx"]["expected"]  # pydantic writes 'a', 'b' or 'c', as we do
    message = f"{spot.path} must be {expected}, got {shown(spot.node)}"
    names = re.findall(r"'([^']*)'", expected)
    if isinstance(spot.node, ScalarNode) and (name := nearest(spot.node.text, names)):
        message += f"; did you mean {name!r}?"
    return message


def _unexpected(detail: ErrorDetails, spot: Spot) -> str:
    expected = detail["msg"]
    return f"{spot.path} must be {expected}, got {shown(spot.node)}{_hint(spot, expected)}"


def _conflict(detail: ErrorDetails, spot: Spot) -> str:  # noqa: ARG001
    return detail["msg"]


def _refused(detail: ErrorDetails, spot: Spot) -> str:
    return f"{spot.path}: {detail['ctx']['error']}"


_SPECIAL: dict[str, Callable[[ErrorDetails, Spot], str]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "unknown_choice": _unknown_choice,  # a registry's
    "union_tag_invalid": _unknown_choice,
    "union_tag_not_found": _unknown_choice,
    "literal_error": _unknown_literal,
    "expected": _unexpected,  # the schema's own
    "conflict": _conflict,
    "value_error": _refused,  # a ValueError from one of our validators
}


def _hint(spot: Spot, rule: str) -> str:
    """How to write the value instead."""
    node = spot.node
    if not isinstance(node, ScalarNode):
        return ""
    if rule in ("must be text", PATH_OR_MAPPING):
        return f"; put it in quotes: {node.text!r}" if node.text else ""
    if is_quoted_value(node):
        return "; remove the quotes"
    value = value_of(node)
    if rule == "must be a whole number" and isinstance(value, float) and value.is_integer():
        return f"; write {value:.0f}" if abs(value) < 1e15 else ""
    return ""

"""Navigating the schema: which models are allowed where."""

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlptrain.registry import choices

Models = tuple[type[BaseModel], ...]


def models_in(annotation: Any) -> Models:
    """The models a value of type `annotation` can be, or can hold in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return choices(annotation) or (annotation,)
    return tuple(model for part in get_args(annotation) for model in models_in(part))


def models_named(models: Models, name: str) -> Models:
    """Those of `models` that a user chooses by writing `type: name`."""
    return tuple(model for model in models if _type_name(model) == name)


def type_names(models: Models) -> list[str]:
    """What a user can write as the `type` of one of `models`."""
    names = (_type_name(model) for model in models)
    return [name for name in names if isinstance(name, str)]


def field_of(models: Models, key: str) -> FieldInfo | None:
    """The field `key` of the first of `models` that has it."""
    return next((model.model_fields[key] for model in models if key in model.model_fields), None)


def keys_of(models: Iterable[type[BaseModel]]) -> list[str]:
    """The keys that may be written in a mapping for any of `models`, `type` first."""
    keys = dict.fromkeys(key for model in models for key in model.model_fields)
    return sorted(keys, key=lambda key: key != "type")


def _type_name(model: type[BaseModel]) -> object:
    field = model.model_fields.get("type")
    return field.default if field else None

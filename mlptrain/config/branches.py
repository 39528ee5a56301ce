"""Values of several kinds: which kind a value is, before its own kind checks it."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Discriminator

from mlptrain.data.sources.source import PATH_OR_MAPPING
from mlptrain.registry import BRANCH


def _one_of(expected: str, branch: Callable[[Any], str | None]) -> Discriminator:
    """Tells pydantic which kind of value it has, by the tag that `branch` returns. If there is no
    tag, the error says that the value must be `expected`."""
    return Discriminator(branch, custom_error_type="expected", custom_error_message=expected)


def _held_out(value: object) -> str | None:
    if isinstance(value, int | float) and 0 < value < 1:
        return BRANCH + "fraction"
    return BRANCH + "source" if isinstance(value, str | dict | BaseModel) else None


def _class_weight(value: object) -> str | None:
    if value == "balanced":
        return BRANCH + "balanced"
    return BRANCH + "weights" if isinstance(value, dict) else None


def _batch_size(value: object) -> str | None:
    if isinstance(value, str):
        return BRANCH + "name" if value in ("auto", "full") else None
    return BRANCH + "number"


def _init_from(value: object) -> str | None:
    if isinstance(value, str):
        return BRANCH + "path"
    return BRANCH + "mapping" if isinstance(value, dict | BaseModel) else None


def _threads(value: object) -> str | None:
    if value == "auto":
        return BRANCH + "auto"
    is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024
    return BRANCH + "number" if is_number else None


HELD_OUT = _one_of("a fraction between 0 and 1, a path, or null", _held_out)
BATCH_SIZE = _one_of("a whole number, 'auto' or 'full'", _batch_size)
CLASS_WEIGHT = _one_of("'balanced', a mapping of class names to weights, or null", _class_weight)
INIT_FROM = _one_of(PATH_OR_MAPPING, _init_from)
THREADS = _one_of("'auto' or a whole number from 1 to 1024", _threads)

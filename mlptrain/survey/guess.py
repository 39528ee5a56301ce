"""Which task the data is for, from its kind and its columns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlptrain.data.sources.manifest import FILE, Manifest
from mlptrain.data.sources.source import LABEL, LARGEST, Arrays, Source
from mlptrain.data.sources.table import Table
from mlptrain.data.sources.table_file import TableFile, number_in
from mlptrain.data.targets import SEPARATOR
from mlptrain.errors import DataError
from mlptrain.text import show_name, show_path

Columns = Mapping[str, Sequence[str]]

_INDEX_NAMES = ("", "id", "index", "unnamed: 0")
_TARGET_NAMES = (LABEL, "labels", "class", "target", "y")
_MOST_CLASSES = 20  # if they are whole numbers in a table
_LEAST_PER_CLASS = 5  # on average
_MOST_SHOWN = 5
_LIKELIEST = ("classification", "multi_label", "segmentation", "regression")


@dataclass(frozen=True)
class Guess:
    """A task that fits the data, as a config names it, and why; `features`: the columns of inputs,
    where they must be listed, and `left_out` the others, with reasons."""

    task: str | dict[str, Any]
    why: str
    features: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The name of the task."""
        return self.task if isinstance(self.task, str) else str(self.task["type"])


_AUTOENCODER = Guess("autoencoder", "the image itself is the target")


def guesses(source: Source) -> list[Guess]:
    """The tasks that fit the examples of `source`, the likeliest first. Raises DataError."""
    if isinstance(source, Manifest):
        return _of_manifest(_columns(source.place))
    if isinstance(source, Table):
        return _of_table(_columns(source.place), source.place)
    if source.type == "folder":
        return [Guess("classification", "each folder is a class"), _AUTOENCODER]
    return _of_array(source)


def chosen(found: list[Guess], wanted: str | None, place: str) -> Guess:
    """The guess for the task `wanted`; None: the likeliest. Raises DataError if there is none."""
    for guess in found:
        if wanted in (None, guess.type):
            return guess
    fitting = ", ".join(guess.type for guess in found)
    raise DataError(f"{show_path(place)}: does not fit the task {wanted}. It fits: {fitting}.")


def _columns(path: str) -> Columns:
    """The values in the columns of a table."""
    file = TableFile(path)
    header = tuple(file.header)
    rows = [values for _, values in file.records(header)]
    if not rows:
        raise DataError(f"{show_path(path)}: lists no examples. Expected one per line.")
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _of_manifest(columns: Columns) -> list[Guess]:
    """A guess per column, and one for all columns of numbers together."""
    names = [name for name in columns if name != FILE]
    found = [guess for name in names if (guess := _of_column(name, columns[name]))]
    if numbers := [name for name in names if _all_numbers(columns[name])]:
        task = {"type": "regression", "targets": numbers}
        found.append(Guess(task, f"{_listed(numbers)} hold numbers"))
    return [*sorted(found, key=lambda guess: _LIKELIEST.index(guess.type)), _AUTOENCODER]


def _of_column(name: str, values: Sequence[str]) -> Guess | None:
    """The task whose targets the column `name` of a manifest holds, if they are no numbers."""
    shown = show_name(name)
    if name == LABEL:
        return Guess("classification", f"the column {shown} names the class")
    if name == "labels" or any(SEPARATOR in value for value in values):
        task: str | dict[str, Any] = {"type": "multi_label", "column": name}
        return Guess(
            "multi_label" if name == "labels" else task, f"{shown} holds labels such as a|b"
        )
    if all(value.lower().endswith(".png") for value in values):
        task = "segmentation" if name == "mask" else {"type": "segmentation", "column": name}
        return Guess(task, f"the column {shown} names masks")
    if _all_numbers(values) or len(set(values)) * _LEAST_PER_CLASS > len(values):
        return None
    return Guess({"type": "classification", "column": name}, f"the column {shown} names the class")


def _of_table(columns: Columns, place: str) -> list[Guess]:
    """Classes if the target is text or takes few whole numbers, else regression."""
    named = (name for wish in _TARGET_NAMES for name in columns if name.lower() == wish)
    target = next(named, list(columns)[-1])
    features, left_out = [], []
    for name, values in columns.items():
        if name != target and (why := _unfit(name, values)):
            left_out.append(f"{show_name(name) or 'a column without a name'} ({why})")
        elif name != target:
            features.append(name)
    if not features:
        others = f": {', '.join(left_out)}" if left_out else ""
        raise DataError(
            f"{show_path(place)}: has no column of numbers beside the target "
            f"{show_name(target)}{others}."
        )
    rest: tuple[Any, ...] = (tuple(features) if left_out else (), tuple(left_out))
    values, shown, kinds = columns[target], show_name(target), []
    if any(SEPARATOR in value for value in values):
        labels = {"type": "multi_label", "column": target}
        kinds.append(Guess(labels, f"the column {shown} holds labels such as a|b", *rest))
    if len(set(values)) * _LEAST_PER_CLASS <= len(values):
        classes = {"type": "classification", "column": target}
        why = f"the column {shown} takes {len(set(values)):,} values"
        kinds.append(Guess("classification" if target == LABEL else classes, why, *rest))
    if _all_numbers(values):
        task = {"type": "regression", "targets": [target]}
        kinds.append(Guess(task, f"the column {shown} holds numbers", *rest))
    if not kinds:
        raise DataError(
            f"{show_path(place)}: {shown}, the column of the target, takes {len(set(values)):,} "
            f"values in {len(values):,} rows, too many to be classes. Name the column of the "
            f"target {LABEL} or target."
        )
    few_classes = len(set(values)) <= _MOST_CLASSES and _all_whole(values)
    if kinds[-1].type == "regression" and not few_classes:
        kinds.reverse()
    return kinds


def _unfit(name: str, values: Sequence[str]) -> str:
    """Why a column of a table can be no feature; empty if it can."""
    if name.strip().lower() in _INDEX_NAMES and len(set(values)) == len(values):
        return "numbers the rows"
    wrong = sum(not _is_number(value) for value in values)
    if wrong and all(value == "" or _is_number(value) for value in values):
        return f"empty in {wrong:,} row{'s' if wrong > 1 else ''}"
    return "holds text" if wrong else ""


def _all_whole(values: Sequence[str]) -> bool:
    return all(number_in(value).is_integer() for value in values)


def _all_numbers(values: Sequence[str]) -> bool:
    return all(map(_is_number, values))


def _is_number(value: str) -> bool:
    return abs(number_in(value)) <= LARGEST


def _of_array(source: Source) -> list[Guess]:
    """Integers and text are classes; of other arrays of targets, shape and values say it."""
    try:
        content = source.content()
    except DataError:
        content = source.content(("target",))
    labels, others = np.asarray(content.labels), []
    if isinstance(content, Arrays) and content.inputs.dtype == np.uint8:
        others.append(_AUTOENCODER)
    if labels.dtype.kind != "f":
        return [Guess("classification", "the labels are whole numbers or names"), *others]
    whole = bool((labels == np.floor(labels)).all())
    if labels.ndim == 3 and whole and math.prod(labels.shape[1:]) > 1:
        return [Guess("segmentation", "the targets are whole numbers, one per pixel"), *others]
    numbers = Guess("regression", "the targets are numbers")
    if labels.ndim == 2 and labels.shape[1] > 1 and np.isin(labels, (0, 1)).all():
        return [Guess("multi_label", "the targets are rows of 0 and 1"), numbers, *others]
    return [numbers, *others]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(show_name, names[:_MOST_SHOWN]))
    return shown if len(names) <= _MOST_SHOWN else f"{shown} and {len(names) - _MOST_SHOWN} more"

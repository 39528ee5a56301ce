"""Reading one class per example.

Classes are matched by name. The training set defines them and their order: names sorted bytewise,
numbers ascending. Every other split must have exactly the same classes; data passed to `eval` may
lack some.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.names import distinct, refuse_misspelt
from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.sources.source import LABEL, Content
from mlptrain.data.targets import ClassTargets, Targets
from mlptrain.errors import DataError
from mlptrain.text import show_name, show_path

_MOST_SHOWN = 50
_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class ClassLabels(TargetReader):
    """Attributes:
    known: the classes of the training set, in order; None if this is the training set.
    label_names: the class names for the numbers 0, 1, …; None: the numbers' digits.
    partial: whether some classes may be missing here.
    columns: the label column.
    """

    known: tuple[str, ...] | None = None
    label_names: tuple[str, ...] | None = None
    partial: bool = False
    columns: tuple[str, ...] = (LABEL,)

    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> ClassTargets:
        labels, found = numbered(content.labels, self.label_names, place)
        labels = labels[rows]
        if self.known is not None:
            labels = _matched(labels, found, self.known, place, partial=self.partial)
            return ClassTargets(labels, self.known)
        if self.label_names is not None and isinstance(content.labels, tuple):
            raise DataError(
                f"{show_path(place)}: its labels are names already, but data.class_names is "
                "set, which is for numbers. Remove it."
            )
        if len(found) < 2:
            raise DataError(
                f"{show_path(place)}: has only one class, '{show_name(found[0])}'. At least two "
                "are needed to tell apart."
            )
        _check_none_is_empty(labels, found, place)
        return ClassTargets(labels, found)

    def complete(self, targets: Targets, image: ImageSettings, place: str) -> Targets:
        if not self.partial:
            _check_none_is_empty(targets.values, targets.names, place)
        return targets


def numbered(
    labels: NDArray[np.int64] | tuple[object, ...], label_names: tuple[str, ...] | None, place: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The labels (n,), numbers or names, as indices into a list of names, and that list."""
    if isinstance(labels, tuple):
        texts = [str(label) for label in labels]
        try:
            names = distinct(tuple(dict.fromkeys(texts)))
        except ValueError as error:
            raise DataError(f"{show_path(place)}: {error}.") from None
        names = tuple(sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape")))
        index = {name: i for i, name in enumerate(names)}
        return np.array([index[label] for label in texts], np.int64), names
    if labels.dtype.kind == "f":
        if (labels < 0).any() or (labels != np.floor(labels)).any():
            raise DataError(
                f"{show_path(place)}: its labels are not all integers from 0, as numbers of "
                "classes are."
            )
        labels = labels.reshape(len(labels), -1)[:, 0].astype(np.int64)
    if label_names is None:
        in_order = np.sort(labels)
        numbers = in_order[np.diff(in_order, prepend=-1) != 0]
        labels = np.searchsorted(numbers, labels)
        if len(numbers) > _MOST_CLASSES:
            raise DataError(
                f"{show_path(place)}: has {len(numbers):,} different labels, which is too many to "
                f"be classes. At most {_MOST_CLASSES:,} are allowed."
            )
        return labels.astype(np.int64), tuple(map(str, numbers.tolist()))
    highest = int(labels.max())
    if highest >= len(label_names):
        raise DataError(
            f"{show_path(place)}: has the label {highest}, but "
            f"data.class_names has {len(label_names)} names, for the labels 0 to "
            f"{len(label_names) - 1}. Name all classes, or correct the labels."
        )
    return labels, label_names


def _check_none_is_empty(labels: NDArray[np.int64], names: tuple[str, ...], place: str) -> None:
    empty = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
    if len(empty):
        raise DataError(
            f"{show_path(place)}: {_listed([names[i] for i in empty])} without a single readable "
            f"image. Each of the {len(names)} classes needs at least one."
        )


def _matched(
    labels: NDArray[np.int64],
    found: tuple[str, ...],
    class_names: tuple[str, ...],
    place: str,
    *,
    partial: bool,
) -> NDArray[np.int64]:
    """Convert `labels` from indices into `found` to indices into `class_names`. Raises DataError
    if a name used is not in `class_names`, or, unless `partial`, if one of those is not used."""
    used = [found[index] for index in np.flatnonzero(np.bincount(labels))]
    try:
        refuse_misspelt(used, class_names)
    except ValueError as error:
        raise DataError(
            f"{show_path(place)}: {error}. Classes are named as in the training set."
        ) from None
    missing = [name for name in class_names if not partial and name not in set(used)]
    extra = [name for name in used if name not in set(class_names)]
    problems = [f"{_listed(missing)} of the training set missing"] if missing else []
    problems += [f"{_listed(extra)} unknown to the training set"] if extra else []
    if problems:
        raise DataError(
            f"{show_path(place)}: {' and '.join(problems)}. Its classes must be those of the "
            f"training set: {_names(class_names)}."
        )
    place_of = {name: index for index, name in enumerate(class_names)}
    return np.array([place_of.get(name, -1) for name in found], np.int64)[labels]


def _listed(names: Sequence[str]) -> str:
    return f"class{'es' if len(names) > 1 else ''} {_names(names)}"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{show_name(name)}'" for name in names[:_MOST_SHOWN])
    return shown if len(names) <= _MOST_SHOWN else f"{shown} … and {len(names) - _MOST_SHOWN} more"

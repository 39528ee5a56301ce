"""Findings about the training examples as a whole: their classes, numbers and columns."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.dataset import NUMBERS, Dataset
from mlptrain.data.targets import ClassTargets, LabelTargets, NumberTargets
from mlptrain.survey.alike import look_alikes
from mlptrain.survey.finding import Finding
from mlptrain.text import show_name

_PLACE = "data.train"
_FEW = 10  # examples of a class or label
_UNEQUAL = 10  # times as many examples in the largest class as in the smallest
_MAJORITY = 0.8  # share of the largest class


def names_alike(dataset: Dataset) -> Iterator[Finding]:
    """Names of classes or labels that can be taken for each other."""
    for group in look_alikes(dataset.targets.names):
        yield Finding(
            "warning",
            "names_alike",
            _PLACE,
            f"{len(group)} names look alike",
            "If they mean the same, make them one.",
            tuple(f"{show_name(name)} ({name!a})" for name in group),
        )


def rare_and_frequent(dataset: Dataset) -> Iterator[Finding]:
    """Classes or labels with few examples, and a class that has most of them."""
    targets = dataset.targets
    match targets:
        case ClassTargets():
            counts = np.bincount(targets.values, minlength=len(targets.names))
            yield from _majority(targets.names, counts)
        case LabelTargets():
            counts = targets.values.sum(axis=0, dtype=np.int64)
        case _:
            return
    few = [i for i in np.argsort(counts, kind="stable").tolist() if counts[i] < _FEW]
    if few:
        noun = "classes" if isinstance(targets, ClassTargets) else "labels"
        yield Finding(
            "warning",
            "few_examples",
            _PLACE,
            f"{len(few):,} of {len(counts):,} {noun} have fewer than {_FEW} training examples",
            "Add some: so few are learned by heart.",
            tuple(f"{show_name(targets.names[i])} ({counts[i]:,})" for i in few),
        )


def _majority(names: tuple[str, ...], counts: NDArray[np.int64]) -> Iterator[Finding]:
    share = counts.max() / counts.sum()
    if share >= _MAJORITY or counts.max() >= _UNEQUAL * counts.min():
        largest = show_name(names[counts.argmax()])
        yield Finding(
            "warning",
            "majority",
            _PLACE,
            f"{share:.1%} of the training examples are of one class, so answering it always has "
            "this accuracy",
            "Judge by macro_f1, and try training.class_weight: balanced.",
            (largest,),
        )


def constant_columns(dataset: Dataset) -> Iterator[Finding]:
    """Inputs and targets that have one value in all examples."""
    targets = dataset.targets
    if isinstance(targets, NumberTargets):
        same = np.ptp(targets.values, axis=0) == 0
        yield from _constant("targets", same, targets.names)
    if dataset.words is NUMBERS:
        parts = [part.reshape(len(part), -1) for part in dataset.parts()]
        low = np.min([part.min(axis=0) for part in parts], axis=0)
        high = np.max([part.max(axis=0) for part in parts], axis=0)
        yield from _constant("inputs", low == high, dataset.features)


def _constant(what: str, constant: NDArray[np.bool_], names: tuple[str, ...]) -> Iterator[Finding]:
    places = np.flatnonzero(constant).tolist()
    if places:
        yield Finding(
            "warning",
            f"constant_{what}",
            _PLACE,
            f"{len(places):,} of {len(constant):,} {what} have the same value in all examples",
            "Leave them out: there is nothing to learn.",
            tuple(show_name(names[i]) if names else f"number {i}" for i in places),
        )

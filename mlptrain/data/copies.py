"""Copies: one file listed or linked more than once, or several files with equal pixels.

A copy of a training image in a held-out split makes the model look better than it is, so copies
stay on one side of a split, and the user is told. A file has one label and belongs to one split.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import keys_of, originals
from mlptrain.errors import DataError
from mlptrain.paths import UnreadableError, look
from mlptrain.text import show_name, show_path

_MOST_SHOWN = 3


def copies_within(dataset: Dataset, place: str, lines: Sequence[int] = ()) -> tuple[str, ...]:
    """Notes for the user on the copies in `dataset`, read from `place`; `lines` are the lines of a
    manifest that list the examples. Raises DataError if a file has two labels, whatever paths or
    links lead to it."""
    first = originals(dataset.digests)
    copies = np.flatnonzero(first != np.arange(len(first)))
    if not len(copies):
        return ()
    texts = dataset.targets.texts()
    relabelled = np.array([i for i in copies.tolist() if texts[i] != texts[first[i]]], np.int64)
    _refuse_two_labels(dataset, texts, first, relabelled, place, lines)
    words = dataset.words
    what = "is a copy of another" if len(copies) == 1 else "are copies of others"
    pairs = [f"{_name(dataset, i)} = {_name(dataset, first[i])}" for i in copies[:_MOST_SHOWN]]
    notes = [
        f"{show_path(place)}: {len(copies):,} of {len(dataset):,} {words.many} {what}, "
        f"{words.values[:-1]} by {words.values[:-1]}: {_shown(pairs, len(copies))}. Copies "
        "stay on one side of a split."
    ]
    if len(relabelled) and (noun := dataset.targets.exact_noun):
        pairs = [
            f"{_labelled(dataset, i)} = {_labelled(dataset, first[i])}"
            for i in relabelled[:_MOST_SHOWN]
        ]
        notes.append(
            f"{show_path(place)}: warning: equal {words.values} have different {noun}s: "
            f"{_shown(pairs, len(relabelled))}. At most one {noun} of each can be right."
        )
    return tuple(notes)


def copies_across(first: Dataset, second: Dataset) -> list[tuple[int, int]]:
    """Pairs (i, j) of an example of `first` and one of `second` with the same pixels: one per j,
    preferably of the same file."""
    keys, others = keys_of(first.digests), keys_of(second.digests)
    common = set(keys).intersection(others)
    same: dict[bytes, list[int]] = {key: [] for key in common}
    for index, key in enumerate(keys):
        if key in common:
            same[key].append(index)
    return [(_same_file(first, same[k], second, j), j) for j, k in enumerate(others) if k in common]


def are_one_file(first: Dataset, i: int, second: Dataset, j: int) -> bool:
    """Whether example i of `first` and j of `second` are in one file, whatever paths or links lead
    to it."""
    return _identity(first, i) == _identity(second, j)


def tell_of_copies_across(
    names: tuple[str, str], first: Dataset, second: Dataset, pairs: Sequence[tuple[int, int]]
) -> str:
    """A note for the user on `pairs`, at least one, from `copies_across`. Raises DataError, naming
    both files, if one file is in both splits."""
    words = second.words
    for i, j in pairs:
        if are_one_file(first, i, second, j):
            raise DataError(
                f"data.{names[1]}: {show_path(second.path(j))} is the same file as "
                f"{show_path(first.path(i))} of data.{names[0]}. An {words.one} belongs to one "
                f"split. Name other {words.many}, or a fraction as data.validation."
            )
    shown = [f"{_name(second, j)} = {_name(first, i)}" for i, j in pairs[:_MOST_SHOWN]]
    return (
        f"data.{names[1]}: {len(pairs):,} of {len(second):,} {words.many} have the "
        f"{words.values} of {words.many} in data.{names[0]}: {_shown(shown, len(pairs))}. They are "
        "not held out in truth."
    )


def _refuse_two_labels(
    dataset: Dataset,
    texts: Sequence[str],
    first: NDArray[np.int64],
    relabelled: NDArray[np.int64],
    place: str,
    lines: Sequence[int],
) -> None:
    for group in np.unique(first[relabelled]):
        labels: dict[object, int] = {}
        for index in np.flatnonzero(first == group).tolist():
            known = labels.setdefault(_identity(dataset, index), index)
            if texts[known] != texts[index]:
                where = f" in lines {lines[known]} and {lines[index]}" if lines else ""
                raise DataError(
                    f"{show_path(place)}: {_labelled(dataset, known)} and "
                    f"{_labelled(dataset, index)}{where} are one file. One file has one label. "
                    "Remove one of them."
                )


def _same_file(first: Dataset, candidates: list[int], second: Dataset, index: int) -> int:
    """The candidate that is the same file as example `index` of `second`, or else any candidate."""
    wanted = _identity(second, index)
    return next((i for i in candidates if _identity(first, i) == wanted), candidates[0])


def _identity(dataset: Dataset, index: int) -> tuple[object, ...]:
    """The identity of an example's file, whatever path or link leads to it; for an array, also the
    example's index."""
    path, member = dataset.array or (dataset.path(index), None)
    inside = () if member is None else (member, int(dataset.rows[index]))
    try:
        status = look(path)
    except UnreadableError:
        status = None
    if status is None:
        return path, *inside
    return status.st_dev, status.st_ino, *inside


def _name(dataset: Dataset, index: int) -> str:
    return show_name(dataset.names[index])


def _labelled(dataset: Dataset, index: int) -> str:
    if not dataset.targets.readable:
        return _name(dataset, index)
    (text,) = dataset.targets.select(np.array([index])).texts()
    return f"{_name(dataset, index)} ('{show_name(text)}')"


def _shown(texts: list[str], count: int) -> str:
    more = count - len(texts)
    return ", ".join(texts) + (f" … and {more:,} more" if more else "")

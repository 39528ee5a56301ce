"""split.csv: which example went to train, validation and test, the digest of its inputs and, if the
examples have weights in the loss, its weight.

It identifies the splits of a run in data that has changed since.
"""

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import DIGEST_BYTES, fingerprint, keys_of
from mlptrain.errors import DataError
from mlptrain.paths import opened
from mlptrain.text import exact, show_name, show_path
from mlptrain.training.checkpoint import State
from mlptrain.training.run_folder import SPLIT

COLUMNS = ("split", "name", "label", "digest")
WEIGHT = "weight"  # one more column, if there are weights

_MOST_SHOWN = 10
_SPECIAL = re.compile('[",\r\n]')


@dataclass(frozen=True)
class Members:
    """The n examples of a split: `exact` names, labels, digests (n, 16) of the inputs, and weights
    in the loss; without weights, ()."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    digests: NDArray[np.uint8]
    weights: tuple[str, ...] = ()

    def first(self, count: int) -> Self:
        """The first `count` of these examples, or all if they are fewer."""
        part = slice(count)
        return replace(
            self,
            names=self.names[part],
            labels=self.labels[part],
            digests=self.digests[part],
            weights=self.weights[part],
        )

    def found_in(self, dataset: Dataset, place: str, split: str) -> Dataset:
        """Exactly these examples of `dataset`, which was read from `place`. Raises DataError,
        naming the examples, if some are missing or their pixels, labels or weights have changed."""
        where = {exact(name): index for index, name in enumerate(dataset.names)}
        found, digests = keys_of(dataset.digests), keys_of(self.digests)
        labels, weights = list(map(exact, dataset.targets.texts())), dataset.weight_texts()
        indices, changed, words = [], [], dataset.words
        for own, (name, label) in enumerate(zip(self.names, self.labels, strict=True)):
            index = where.get(name, -1)
            if index < 0:
                changed.append(f"{show_name(name)}: is missing")
            elif (now := labels[index]) != label:
                said = f"is '{show_name(now)}', was '{show_name(label)}'"
                if not dataset.targets.readable:
                    said = f"has another {dataset.targets.exact_noun}"
                changed.append(f"{show_name(name)}: {said}")
            elif found[index] != digests[own]:
                changed.append(f"{show_name(name)}: has other {words.values}")
            elif self.weights and weights[index] != self.weights[own]:
                said = f"has the weight {weights[index]}, had {show_name(self.weights[own])}"
                changed.append(f"{show_name(name)}: {said}")
            indices.append(index)
        if changed:
            raise _changed(changed, len(self.names), dataset, place, split)
        members, notes = dataset.select(np.array(indices, np.int64)), dataset.notes
        if others := len(dataset.left_out):
            which = f"{words.count(others)} here {'is' if others == 1 else 'are'}"
            notes += (
                f"{show_path(place)}: {which} not of this run and not evaluated. "
                f"--data {show_path(place)} evaluates all that is there.",
            )
        return replace(members, skipped=dataset.skipped, notes=notes)


def encode(splits: Iterable[tuple[str, Dataset]]) -> bytes:
    """The bytes of split.csv (RFC 4180; lines end with a newline)."""
    header, lines = ",".join(COLUMNS), []
    for split, dataset in splits:
        digests = dataset.digests.tobytes().hex()
        size = 2 * DIGEST_BYTES
        rows = [
            f"{split},{_field(name)},{_field(text)},{digests[start : start + size]}"
            for name, text, start in zip(
                dataset.names, dataset.targets.texts(), range(0, len(digests), size), strict=True
            )
        ]
        if weights := dataset.weight_texts():
            header = ",".join((*COLUMNS, WEIGHT))
            rows = [f"{row},{weight}" for row, weight in zip(rows, weights, strict=True)]
        lines += rows
    return exact("".join(f"{line}\n" for line in (header, *lines))).encode()


def read_beside(checkpoint: Path, state: State) -> dict[str, Members] | None:
    """The members of each split according to the split.csv beside a checkpoint, or None without
    one. Raises DataError unless these are the splits that `state` was trained with."""
    path = checkpoint.with_name(SPLIT)
    if not os.path.lexists(path):
        return None
    try:
        splits = _parse(path)
        found = {name: _fingerprint(members, state) for name, members in splits.items()}
    except (ValueError, KeyError, csv.Error):
        found = {}
    if found != state.fingerprints:
        raise DataError(
            f"{show_path(path)}: does not list the examples that {show_path(checkpoint)} was "
            "trained with: it was changed, or is another run's. Restore it, or remove it; the "
            "split is then drawn anew, and compared as a whole."
        )
    return splits


def _parse(path: Path) -> dict[str, Members]:
    with opened(str(path)) as (file, size):
        text = file.read(size).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    known = tuple(header) in (COLUMNS, (*COLUMNS, WEIGHT))
    if not known or any(len(row) != len(header) for row in rows):
        raise ValueError("has other columns")
    splits = {}
    for split in dict.fromkeys(row[0] for row in rows):
        own = (row for row in rows if row[0] == split)
        _, names, labels, digests, *weights = zip(*own, strict=True)
        pixels = np.frombuffer(bytes.fromhex("".join(digests)), np.uint8)
        splits[split] = Members(names, labels, pixels.reshape(len(names), DIGEST_BYTES), *weights)
    return splits


def _fingerprint(members: Members, state: State) -> str:
    return fingerprint(
        state.shape,
        members.digests,
        members.labels,
        state.targets.names,
        members.names,
        members.weights,
    )


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _changed(changed: list[str], total: int, dataset: Dataset, place: str, split: str) -> DataError:
    lines = [f"  {each}" for each in changed[:_MOST_SHOWN]]
    if len(changed) > _MOST_SHOWN:
        lines.append(f"  … and {len(changed) - _MOST_SHOWN:,} more")
    if new := dataset.left_out:
        shown = ", ".join(map(show_name, new[:_MOST_SHOWN]))
        lines.append(f"  not in the run: {shown}{' …' if len(new) > _MOST_SHOWN else ''}")
    return DataError(
        f"{show_path(place)}: {len(changed):,} of the {total:,} {split} {dataset.words.many} of "
        "the run are not as they were in training:\n" + "\n".join(lines) + "\nRestore them."
    )

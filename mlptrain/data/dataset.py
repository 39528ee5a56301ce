"""Examples with their targets, in memory or mapped from a file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.digests import Inputs, fingerprint, in_parts
from mlptrain.data.loading.stream import BadImage
from mlptrain.data.targets import Targets


@dataclass(frozen=True)
class Words:
    """What the user calls an example, several, and what they consist of; and, as an argument of
    `predict`, a file that holds some."""

    one: str
    many: str
    values: str
    argument: str

    def count(self, number: int) -> str:
        """1 image, 2,000 images."""
        return f"{number:,} {self.one if number == 1 else self.many}"


IMAGES = Words("image", "images", "pixels", "IMAGE")
NUMBERS = Words("example", "examples", "numbers", "FILE")


@dataclass(frozen=True)
class Dataset:
    """n examples with their targets, and where each of them comes from.

    Attributes:
        inputs: (N, …), images (N, H, W, C) uint8 or numbers, shared with the other parts
            of a split.
        rows: (n,), the row of `inputs` that holds each example.
        digests: (n, 16) of the examples' bytes.
        targets: the targets of the n examples.
        names: (n,) relative to `root`: a file's path, or "file[index]" for an array.
        array: for an array, the path of its file and its name in it.
        features: the names of the inputs' columns, if they have names.
        lines: (n,) for a table of numbers, the line of each example.
        weights: (n,) each example's weight in the loss; None: 1.
        skipped: the images that could not be read.
        left_out: the names of the examples that were not requested.
        notes: messages for the user about the examples and how they were read.
    """

    inputs: Inputs
    rows: NDArray[np.int64]
    digests: NDArray[np.uint8]
    targets: Targets
    names: tuple[str, ...]
    root: str
    array: tuple[str, str] | None = None
    features: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    weights: NDArray[np.float64] | None = None
    skipped: tuple[BadImage, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """The examples at `indices`, in that order; the inputs are shared."""
        return replace(
            self,
            rows=self.rows[indices],
            digests=self.digests[indices],
            targets=self.targets.select(indices),
            names=tuple(map(self.names.__getitem__, indices.tolist())),
            lines=tuple(map(self.lines.__getitem__, indices.tolist())) if self.lines else (),
            weights=None if self.weights is None else self.weights[indices],
            skipped=(),
            left_out=(),
            notes=(),
        )

    @property
    def words(self) -> Words:
        """How to speak of its examples."""
        return IMAGES if self.inputs.dtype == np.uint8 else NUMBERS

    def parts(self) -> Iterator[Inputs]:
        """The n inputs in order, in parts (m, …)."""
        return in_parts(self.inputs, self.rows)

    def path(self, index: int) -> str:
        """The location of the example at `index`: a file, "file[index]" for an array, or
        "file:line" for a table of numbers."""
        if self.array and self.lines:
            return f"{self.array[0]}:{self.lines[index]}"
        return os.path.join(self.root, self.names[index])

    def weight_texts(self) -> list[str]:
        """Each example's weight as text, equal if and only if the weights are; none without
        weights."""
        return [] if self.weights is None else list(map(str, self.weights))

    def fingerprint(self) -> str:
        """A digest that identifies these examples, see `digests.fingerprint`."""
        shape, targets = self.inputs.shape[1:], self.targets
        return fingerprint(
            shape, self.digests, targets.texts(), targets.names, self.names, self.weight_texts()
        )

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
class Dataset:
    """n examples with their targets, and where each of them comes from.

    Attributes:
        inputs: (N, …), images (N, H, W, C) uint8 or numbers float32, shared with the other parts
            of a split.
        rows: (n,), the row of `inputs` that holds each example.
        digests: (n, 16) of their bytes.
        targets: of the n examples.
        names: (n,) below `root`: a file's path, or "file[index]" for an example of an array.
        array: of an array, the path of its file and its name in there.
        features: the names of the inputs' columns, where they have some.
        weights: (n,) each example's weight in the loss; None: 1.
        skipped: what could not be read.
        left_out: the names of what was not asked for.
        notes: what the user should know of the examples and of the way they were read.
    """

    inputs: Inputs
    rows: NDArray[np.int64]
    digests: NDArray[np.uint8]
    targets: Targets
    names: tuple[str, ...]
    root: str
    array: tuple[str, str] | None = None
    features: tuple[str, ...] = ()
    weights: NDArray[np.float32] | None = None
    skipped: tuple[BadImage, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """The examples at `indices`, in their order, of the same inputs."""
        return replace(
            self,
            rows=self.rows[indices],
            digests=self.digests[indices],
            targets=self.targets.select(indices),
            names=tuple(map(self.names.__getitem__, indices.tolist())),
            weights=None if self.weights is None else self.weights[indices],
            skipped=(),
            left_out=(),
            notes=(),
        )

    def parts(self) -> Iterator[Inputs]:
        """The n inputs in their order, some (m, …) at a time."""
        return in_parts(self.inputs, self.rows)

    def path(self, index: int) -> str:
        """Where the example at `index` is: a file, or "file[index]" for one of an array."""
        return os.path.join(self.root, self.names[index])

    def fingerprint(self) -> str:
        """What tells these examples from any others, see `digests.fingerprint`."""
        shape, targets = self.inputs.shape[1:], self.targets
        return fingerprint(shape, self.digests, targets.texts(), targets.names, self.names)

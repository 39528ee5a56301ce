"""Labelled images, in memory or mapped from a file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.digests import fingerprint, in_parts
from mlptrain.data.loading.stream import BadImage


@dataclass(frozen=True)
class Dataset:
    """n images with their labels, and where each of them comes from.

    images (N, H, W, C) uint8, shared with the other parts of a split; rows (n,), the row of
    `images` that holds each example; digests (n, 16), of the examples' pixels; labels (n,), indices
    into `class_names`; names (n,) below `root`: a file's path, or "file[index]" for an example of
    an array. For an array, `array` is the path of its file and its name in there. `skipped`: images
    that could not be read; `left_out`: names of those that were not asked for; `notes`: what the
    user should know about the images and how they were read."""

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    digests: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    root: str
    array: tuple[str, str] | None = None
    skipped: tuple[BadImage, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """The examples at `indices`, in their order, of the same images."""
        return replace(
            self,
            rows=self.rows[indices],
            digests=self.digests[indices],
            labels=self.labels[indices],
            names=tuple(map(self.names.__getitem__, indices.tolist())),
            skipped=(),
            left_out=(),
            notes=(),
        )

    def parts(self) -> Iterator[NDArray[np.uint8]]:
        """The n images in their order, some (m, H, W, C) at a time."""
        return in_parts(self.images, self.rows)

    def path(self, index: int) -> str:
        """Where the example at `index` is: a file, or "file[index]" for one of an array."""
        return os.path.join(self.root, self.names[index])

    def fingerprint(self) -> str:
        """What tells these examples from any others, see `digests.fingerprint`."""
        shape = self.images.shape[1:]
        return fingerprint(shape, self.digests, self.labels, self.class_names, self.names)

"""Labelled images, in memory or mapped from a file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.loading import BadImage
from mlptrain.data.mapping import release

_PART_BYTES = 16 << 20


@dataclass(frozen=True)
class Dataset:
    """n images with their labels, and where each of them comes from.

    images (N, H, W, C) uint8, shared with the other parts of a split; rows (n,), which of them are
    meant; labels (n,), indices into `class_names`; names (n,) below `root`: a file's path, or
    "file[index]" for an example of an array; `skipped`: what could not be read; `notes`: what the
    user should know of the way it was read."""

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    root: str
    skipped: tuple[BadImage, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """The examples at `indices`, in their order, of the same images."""
        names = tuple(map(self.names.__getitem__, indices.tolist()))
        rows, labels = self.rows[indices], self.labels[indices]
        return replace(self, rows=rows, labels=labels, names=names, skipped=(), notes=())

    def parts(self) -> Iterator[NDArray[np.uint8]]:
        """The n images in their order, some (m, H, W, C) at a time: however many there are, little
        memory is in use."""
        size = max(1, _PART_BYTES // max(1, self.images[:1].nbytes))
        for first in range(0, len(self), size):
            rows = self.rows[first : first + size]
            whole = rows[-1] - rows[0] == len(rows) - 1 and bool(np.all(np.diff(rows) == 1))
            yield self.images[rows[0] : rows[-1] + 1] if whole else self.images[rows]
            release(self.images)

    def fingerprint(self) -> str:
        """SHA-256 in hex over pixels, labels, class names and names: the same wherever the data
        lies, another if an example changes, moves, comes or goes."""
        digest = hashlib.sha256(repr((len(self), *self.images.shape[1:])).encode())
        for part in self.parts():
            digest.update(np.ascontiguousarray(part).data)
        digest.update(self.labels.astype("<i8").data)
        for names in (self.class_names, self.names):
            encoded = [name.encode("utf-8", "surrogateescape") for name in names]
            digest.update(b"".join([len(each).to_bytes(8) + each for each in encoded]))
        return digest.hexdigest()

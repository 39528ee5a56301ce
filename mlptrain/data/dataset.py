"""Labelled images in memory."""

import hashlib
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.loading import BadImage


@dataclass(frozen=True)
class Dataset:
    """n images with their labels, and where each of them comes from.

    images (n, H, W, C) uint8; labels (n,), indices into `class_names`; names (n,) below `root`: a
    file's path, or "file[index]" for an example of an array; `skipped`: what could not be read."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    root: str
    skipped: tuple[BadImage, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """A copy of the examples at `indices`, in their order."""
        names = tuple(self.names[index] for index in indices)
        return replace(
            self, images=self.images[indices], labels=self.labels[indices], names=names, skipped=()
        )

    def fingerprint(self) -> str:
        """SHA-256 in hex over pixels, labels, class names and names: the same wherever the data
        lies, another if an example changes, moves, comes or goes."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<i8").data)
        for names in (self.class_names, self.names):
            digest.update(b"".join(_framed(name) for name in names))
        return digest.hexdigest()


def _framed(name: str) -> bytes:
    data = name.encode("utf-8", "surrogateescape")
    return len(data).to_bytes(8) + data

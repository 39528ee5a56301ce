"""From stored pixels to the numbers a network sees, one batch at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array
from mlptrain.data import order as shuffling
from mlptrain.data.mapping import fetch, is_mapped, release
from mlptrain.data.normalization import Normalization

_PART_BYTES = 4 << 20


class Batches:
    """Copies examples into a network's input arrays; the images themselves stay uint8.

    Images in memory, or in a file of at most WHOLE_BYTES, are used where they are. Of a larger file
    one window after the other is read into memory by `in_order`; only its examples can be written.

    Args:
        images: (N, H, W, C) uint8.
        labels: (n,) int64 class indices.
        normalization: what turns a pixel 0 … 255 into an input.
        class_weights: (classes,) each class's weight in the loss; None: 1.
        rows: (n,) int64, which of the images the examples are; None: all, in their order.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        normalization: Normalization,
        class_weights: NDArray[np.float64] | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        n, height, width, channels = images.shape
        self.pixels = images.reshape(n, height * width * channels)
        self.labels = labels
        self._places = np.arange(n) if rows is None else rows  # of the examples, in `pixels`
        is_large = is_mapped(images) and images.nbytes > shuffling.WHOLE_BYTES
        self._file = (self.pixels, self._places) if is_large else None
        weights = np.ones(len(labels)) if class_weights is None else class_weights[labels]
        self._weights = weights.astype(np.float32)
        self._scale = _per_input(normalization.scale, height * width)
        self._offset = _per_input(normalization.offset, height * width)
        self._is_shifted = bool(normalization.offset.any())
        self._rows: dict[int, tuple[NDArray[np.int64], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def in_order(
        self, order: NDArray[np.int64], batch_size: int, window: int, start: int = 0
    ) -> Iterator[NDArray[np.int64]]:
        """Yield the batches of `order`, indices (m,) of examples to `write`, from number `start`
        on. `window`, a multiple of `batch_size`, says how many are in memory at a time."""
        for first in range(start * batch_size, len(order), batch_size):
            if self._file and (first % window == 0 or first == start * batch_size):
                self._read(*self._file, order[first : first - first % window + window])
            yield order[first : first + batch_size]

    def _read(
        self, file: NDArray[np.uint8], rows: NDArray[np.int64], indices: NDArray[np.int64]
    ) -> None:
        """Copy the examples `indices` from `file`, where `rows` says they are, into memory, in the
        order in which they lie there."""
        indices = np.sort(indices)
        if self.pixels is file or len(self.pixels) < len(indices):
            self.pixels = np.empty((len(indices), file.shape[1]), np.uint8)
            self._places = np.empty_like(rows)
        size = max(1, _PART_BYTES // file.shape[1])
        for first in range(0, len(indices), size):
            part = rows[indices[first : first + size]]
            out = self.pixels[first : first + len(part)]
            fetch(file, part)
            np.take(file, part, axis=0, out=out, mode="clip")
            release(file)
        self._places[indices] = np.arange(len(indices))

    def write(self, indices: NDArray[np.int64], x: Array, labels: Array, weights: Array) -> None:
        """Write the examples `indices` (m,) into x (batch, inputs), labels (batch,) and weights
        (batch,), batch ≥ m. The rows beyond m become zeros of weight 0."""
        m = len(indices)
        if m not in self._rows:
            self._rows[m] = np.empty(m, np.int64), np.empty((m, self.pixels.shape[1]), np.uint8)
        places, rows = self._rows[m]
        # mode="clip" writes straight into `out`; the default goes through a copy
        np.take(self._places, indices, out=places, mode="clip")
        np.take(self.pixels, places, axis=0, out=rows, mode="clip")
        np.copyto(x[:m], rows)
        np.multiply(x[:m], self._scale, out=x[:m])
        if self._is_shifted:
            np.add(x[:m], self._offset, out=x[:m])
        np.take(self.labels, indices, out=labels[:m], mode="clip")
        np.take(self._weights, indices, out=weights[:m], mode="clip")
        for rest in (x[m:], labels[m:], weights[m:]):
            rest[...] = 0


def _per_input(per_channel: NDArray[np.float64], pixels: int) -> Array:
    """One number for all inputs where the channels agree, else one per input, channels last."""
    if np.all(per_channel == per_channel[0]):
        return np.float32(per_channel[0])  # type: ignore[return-value]
    return np.tile(per_channel, pixels).astype(np.float32)

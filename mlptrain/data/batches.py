"""From stored pixels to the numbers a network sees, one batch at a time."""

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.numpy import Array
from mlptrain.data.mapping import release
from mlptrain.data.normalization import Normalization
from mlptrain.data.order import WINDOW_BYTES


class Batches:
    """Copies examples into a network's input arrays; the images themselves stay uint8.

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
        self._places = np.arange(n) if rows is None else rows
        weights = np.ones(len(labels)) if class_weights is None else class_weights[labels]
        self._weights = weights.astype(np.float32)
        self._scale = _per_input(normalization.scale, height * width)
        self._offset = _per_input(normalization.offset, height * width)
        self._is_shifted = bool(normalization.offset.any())
        self._rows: dict[int, tuple[NDArray[np.int64], NDArray[np.uint8]]] = {}
        self._bytes_read = 0

    def __len__(self) -> int:
        return len(self.labels)

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
        self._release_window(m)

    def _release_window(self, m: int) -> None:
        """Note that m rows were read, and keep no more than a window of mapped pixels in memory."""
        self._bytes_read += m * self.pixels.shape[1]
        if self._bytes_read > WINDOW_BYTES:
            self._bytes_read = 0
            release(self.pixels)


def _per_input(per_channel: NDArray[np.float64], pixels: int) -> Array:
    """One number for all inputs where the channels agree, else one per input, channels last."""
    if np.all(per_channel == per_channel[0]):
        return np.float32(per_channel[0])  # type: ignore[return-value]
    return np.tile(per_channel, pixels).astype(np.float32)

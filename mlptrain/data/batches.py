"""From stored pixels to the numbers a network sees, one batch at a time."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.data import order as shuffling
from mlptrain.data.mapping import fetch, is_mapped, release
from mlptrain.data.normalization import Normalization

PLAIN = NumpyBackend()
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
        backend: what fills the arrays.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        normalization: Normalization,
        class_weights: NDArray[np.float64] | None = None,
        rows: NDArray[np.int64] | None = None,
        backend: NumpyBackend = PLAIN,
    ) -> None:
        n, height, width, _ = images.shape
        self.pixels = images.reshape(n, math.prod(images.shape[1:]))
        self.labels = labels
        self._places = rows  # of the examples, in `pixels`; None: their own numbers
        is_large = is_mapped(images) and images.nbytes > shuffling.WHOLE_BYTES
        self._file = (self.pixels, np.arange(n) if rows is None else rows) if is_large else None
        self._weights = None if class_weights is None else class_weights[labels].astype(np.float32)
        self._scale = _per_input(normalization.scale, height * width)
        offset = _per_input(normalization.offset, height * width)
        self._offset = offset if offset.any() else None
        self._backend = backend
        self._bound: dict[tuple[int, int], tuple[NDArray[np.int64], Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def shuffled(
        self, random: np.random.Generator, batch_size: int, start: int = 0
    ) -> Iterator[NDArray[np.int64]]:
        """`in_order`, in the order that `random` gives the examples of an epoch."""
        row_bytes = self.pixels.shape[1]
        window = shuffling.window_size(row_bytes, batch_size)
        order = shuffling.shuffled(len(self), row_bytes, window, random)
        return self.in_order(order, batch_size, window, start)

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
            self._bound.clear()  # it reads from the pixels that were there
        size = max(1, _PART_BYTES // file.shape[1])
        for first in range(0, len(indices), size):
            part = rows[indices[first : first + size]]
            out = self.pixels[first : first + len(part)]
            fetch(file, part)
            np.take(file, part, axis=0, out=out, mode="clip")
            release(file)
        assert self._places is not None
        self._places[indices] = np.arange(len(indices))

    def write(self, indices: NDArray[np.int64], x: Array, labels: Array, weights: Array) -> None:
        """Write the examples `indices` (m,) into x (batch, inputs) and labels (batch,), and their
        weights in the mean loss, with sum 1, into weights (batch,); batch ≥ m. The rows beyond m
        become zeros of weight 0."""
        m = len(indices)
        if (m, id(x)) not in self._bound:
            self._bound[m, id(x)] = self._bind(x[:m], labels[:m], weights[:m])
        wanted, write = self._bound[m, id(x)]
        wanted[...] = indices
        write()
        if m < len(x):
            for rest in (x[m:], labels[m:], weights[m:]):
                rest[...] = 0

    def _bind(
        self, x: Array, labels: Array, weights: Array
    ) -> tuple[NDArray[np.int64], Callable[[], None]]:
        """An array for the indices of examples, and what then writes these."""
        wanted = places = np.empty(len(x), np.int64)
        calls = []
        if self._places is not None:
            places = np.empty_like(wanted)
            calls.append(Call(take, places, {"source": self._places, "places": wanted}))
        arrays = {
            "pixels": self.pixels,
            "places": places,
            "rows": np.empty(x.shape, np.uint8),
            "scale": self._scale,
            "offset": self._offset,
        }
        calls += [
            Call(scaled_rows, x, arrays),
            Call(take, labels, {"source": self.labels, "places": wanted}),
            Call(shares, weights, {"places": wanted, "weights": self._weights}),
        ]
        return wanted, self._backend.bind(calls)


def _per_input(numbers: NDArray[np.float64], pixels: int) -> NDArray[np.float32]:
    """The number of each input's channel, of `numbers`; (1,) if all are alike: that is faster."""
    alike = (numbers == numbers[0]).all()
    return (numbers[:1] if alike else np.tile(numbers, pixels)).astype(np.float32)


def take(_xp: Any, out: Array, source: Array, places: Array) -> None:
    """outᵢ = source[placesᵢ]."""
    # a method, for xp.take takes four times as long to call; mode="clip" writes straight into
    # `out`, the default goes through a copy
    source.take(places, out=out, mode="clip")


def shares(xp: Any, out: Array, places: Array, weights: Array | None) -> None:
    """outᵢ = weights[placesᵢ] / Σⱼ weights[placesⱼ]; without weights, all alike."""
    if weights is None:
        out.fill(1 / len(out))
        return
    weights.take(places, out=out, mode="clip")
    xp.divide(out, xp.add.reduce(out), out=out)


def scaled_rows(
    xp: Any, out: Array, pixels: Array, places: Array, rows: Array, scale: Array, offset: Array
) -> None:
    """outᵢ = pixels[placesᵢ] scale + offset; both (width,) or (1,), offset None for 0."""
    pixels.take(places, axis=0, out=rows, mode="clip")
    xp.copyto(out, rows)
    xp.multiply(out, scale, out=out)
    if offset is not None:
        xp.add(out, offset, out=out)

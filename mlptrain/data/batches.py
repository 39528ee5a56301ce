"""From stored pixels to the numbers a network sees, one batch at a time."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.data import shuffling
from mlptrain.data.loading.mapping import fetch, is_mapped, release
from mlptrain.data.normalization import Normalization

_PART_BYTES = 4 << 20


class Batches:
    """What a program gathers its examples from; the images themselves stay uint8.

    Images in memory, or in a file of at most WHOLE_BYTES, are used where they are. Of a larger file
    one window after the other is read into memory; only its examples can be gathered.

    Args:
        images: (N, H, W, C) uint8.
        labels: (n,) int64 class indices.
        normalization: what turns a pixel 0 … 255 into an input.
        class_weights: (classes,) each class's weight in the loss; None: 1.
        rows: (n,) int64, which of the images the examples are; None: all, in their order.
        window: how many examples of a large file are in memory at a time.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        normalization: Normalization,
        class_weights: NDArray[np.float64] | None = None,
        rows: NDArray[np.int64] | None = None,
        *,
        window: int,
    ) -> None:
        n, height, width, _ = images.shape
        pixels = images.reshape(n, math.prod(images.shape[1:]))
        self.labels = labels
        self.window = window
        self._file: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None
        if is_mapped(images) and images.nbytes > shuffling.WHOLE_BYTES:
            self._file = pixels, np.arange(n) if rows is None else rows
            pixels = np.empty((min(window, len(labels)), pixels.shape[1]), np.uint8)
            rows = np.zeros(len(labels), np.int64)
        self._pixels = pixels
        self._rows = rows  # of the examples, in `_pixels`; None: their own numbers
        self._weights = None if class_weights is None else class_weights[labels].astype(np.float32)
        self._scale = _per_input(normalization.scale, height * width)
        offset = _per_input(normalization.offset, height * width)
        self._offset = offset if offset.any() else None

    def __len__(self) -> int:
        return len(self.labels)

    def shuffled(self, random: np.random.Generator) -> NDArray[np.int64]:
        """The order (n,) that `random` gives the examples of an epoch."""
        return shuffling.shuffled(len(self), self._pixels.shape[1], self.window, random)

    def windows(self, order: NDArray[np.int64], start: int = 0) -> Iterator[slice]:
        """Yield slices that cover `order`, examples (m,), from its place `start` on. The examples
        of a slice can be gathered until the next one is asked for."""
        if self._file is None:
            yield slice(start, len(order))
            return
        while start < len(order):
            stop = min(start - start % self.window + self.window, len(order))
            self._read(*self._file, order[start:stop])
            yield slice(start, stop)
            start = stop

    def calls(self, examples: Array, x: Array, labels: Array) -> list[Call]:
        """What writes `examples` (batch,), int64, into x (batch, inputs) and labels (batch,)."""
        rows, calls = examples, []
        if self._rows is not None:
            rows = np.empty_like(examples)
            calls.append(Call(take, rows, {"source": self._rows, "places": examples}))
        arrays = {
            "pixels": self._pixels,
            "places": rows,
            "rows": np.empty(x.shape, np.uint8),
            "scale": self._scale,
            "offset": self._offset,
        }
        calls.append(Call(scaled_rows, x, arrays))
        calls.append(Call(take, labels, {"source": self.labels, "places": examples}))
        return calls

    def weigh(self, examples: Array, weights: Array) -> Call:
        """What writes the weights of `examples` (batch,) in their mean loss, with sum 1, into
        weights (batch,)."""
        return Call(shares, weights, {"places": examples, "weights": self._weights})

    def _read(
        self, file: NDArray[np.uint8], rows: NDArray[np.int64], examples: NDArray[np.int64]
    ) -> None:
        """Copy `examples` from `file`, where `rows` says they are, into memory, in the order in
        which they lie there."""
        examples = np.sort(examples)
        size = max(1, _PART_BYTES // file.shape[1])
        for first in range(0, len(examples), size):
            part = rows[examples[first : first + size]]
            out = self._pixels[first : first + len(part)]
            fetch(file, part)
            np.take(file, part, axis=0, out=out, mode="clip")
            release(file)
        assert self._rows is not None
        self._rows[examples] = np.arange(len(examples))


def _per_input(numbers: NDArray[np.float64], pixels: int) -> NDArray[np.float32]:
    """The number of each input's channel, of `numbers`; (1,) if all are alike: that is faster."""
    alike = (numbers == numbers[0]).all()
    return (numbers[:1] if alike else np.tile(numbers, pixels)).astype(np.float32)


@kernel("take")
def take(_xp: Any, out: Array, source: Array, places: Array) -> None:
    """outᵢ = source[placesᵢ]."""
    # a method, for xp.take takes four times as long to call; mode="clip" writes straight into
    # `out`, the default goes through a copy
    source.take(places, out=out, mode="clip")


@kernel("shares")
def shares(xp: Any, out: Array, places: Array, weights: Array | None) -> None:
    """outᵢ = weights[placesᵢ] / Σⱼ weights[placesⱼ]; without weights, all alike."""
    if weights is None:
        out.fill(1 / len(out))
        return
    weights.take(places, out=out, mode="clip")
    xp.divide(out, xp.add.reduce(out), out=out)


@kernel("scaled_rows")
def scaled_rows(
    xp: Any, out: Array, pixels: Array, places: Array, rows: Array, scale: Array, offset: Array
) -> None:
    """outᵢ = pixels[placesᵢ] scale + offset; both (width,) or (1,), offset None for 0."""
    pixels.take(places, axis=0, out=rows, mode="clip")
    xp.copyto(out, rows)
    xp.multiply(out, scale, out=out)
    if offset is not None:
        xp.add(out, offset, out=out)

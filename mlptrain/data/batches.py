"""From stored examples to network inputs, one batch at a time."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.backend.protocol import Backend
from mlptrain.data import shuffling
from mlptrain.data.digests import Inputs
from mlptrain.data.loading.mapping import fetch, is_mapped, release
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import InputTargets, Targets

_PART_BYTES = 4 << 20
_WEIGHED = 1024  # examples whose weights are added up at a time


class Batches:
    """The examples from which batches are gathered, in the dtype of the arrays that are to hold
    them; in memory, images stay uint8.

    Inputs in memory, or in a file of at most WHOLE_BYTES, are used in place. A larger file is read
    into memory window by window, and only examples in the current window can be gathered.

    Args:
        inputs: (N, …), images (N, H, W, C) uint8 or numbers.
        targets: the targets of the n examples.
        normalization: converts a pixel 0 … 255, or a number, to an input.
        rows: (n,) int64, the row of `inputs` that holds each example; None: all rows, in order.
        weights: (n,) each example's weight in the loss; None: 1.
        window: how many examples of a large file are in memory at a time.
        backend: where batches are gathered.
    """

    def __init__(
        self,
        inputs: Inputs,
        targets: Targets,
        normalization: Normalization,
        rows: NDArray[np.int64] | None = None,
        *,
        weights: NDArray[np.float64] | None = None,
        window: int,
        backend: Backend,
    ) -> None:
        numbers = inputs.reshape(len(inputs), math.prod(inputs.shape[1:]))
        self._backend = backend
        self.window = window
        self._targets = targets
        self._file: tuple[Inputs, NDArray[np.int64]] | None = None
        if is_mapped(inputs) and inputs.nbytes > shuffling.WHOLE_BYTES:
            self._file = numbers, np.arange(len(inputs)) if rows is None else rows
            numbers = np.empty((min(window, len(targets)), numbers.shape[1]), inputs.dtype)
            rows = np.zeros(len(targets), np.int64)
        elif rows is not None and len(rows) == len(inputs) and (rows == np.arange(len(rows))).all():
            rows = None
        self._numbers = backend.put(numbers)
        # row of each example in `_numbers`; None: its own index
        self._rows = None if rows is None else backend.put(rows)
        self._weights = targets.example_weights(weights)
        self._scale = _per_input(normalization.scale, numbers.shape[1])
        offset = _per_input(normalization.offset, numbers.shape[1])
        self._offset = offset if offset.any() else None

    def __len__(self) -> int:
        return len(self._targets)

    def shuffled(self, random: "np.random.Generator") -> NDArray[np.int64]:
        """The order (n,) of the examples in an epoch, drawn from `random`."""
        row_bytes = self._numbers.shape[1] * self._numbers.itemsize
        return shuffling.shuffled(len(self), row_bytes, self.window, random)

    def windows(self, order: NDArray[np.int64], start: int = 0) -> Iterator[slice]:
        """Yield slices that together cover `order` (m,) from index `start` on. The examples of a
        slice can be gathered until the next slice is requested."""
        if self._file is None:
            yield slice(start, len(order))
            return
        while start < len(order):
            stop = min(start - start % self.window + self.window, len(order))
            self._read(*self._file, order[start:stop])
            yield slice(start, stop)
            start = stop

    def amounts(self, examples: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) how much each row of `examples` (n, batch) counts in the mean loss of all: the sum
        of their weights, which are 1 by default."""
        return np.asarray(self._amounts[examples].sum(axis=1))

    @cached_property
    def total(self) -> float:
        """How much all examples count together; 1 if none counts."""
        return float(self._amounts.sum()) or 1.0

    @cached_property
    def _amounts(self) -> NDArray[np.float64]:
        """(n,) how much each example counts in the mean loss of all."""
        amounts = np.empty(len(self))
        for first in range(0, len(self), _WEIGHED):
            place = slice(first, min(first + _WEIGHED, len(self)))
            amounts[place] = self._targets.amounts(place, self._weights)
        return amounts

    def calls(self, examples: Array, x: Array) -> list[Call]:
        """The calls that write the inputs of `examples` (batch,) int64 into x (batch, inputs)."""
        return self._scaled(x, examples, self._scale, self._offset)

    def target_calls(self, examples: Array, targets: Array, weights: Array) -> list[Call]:
        """The calls that, after `calls`, write the targets of `examples` and their weights in the
        mean loss, which sum to 1."""
        encoded = self._targets.encoded
        if encoded.dtype.kind == "f":
            encoded = encoded.astype(targets.dtype, copy=False)
        encoded = self._backend.put(encoded)
        if isinstance(self._targets, InputTargets):
            fill = self._scaled(targets, examples, np.full(1, 1 / 255), None)
        elif encoded.dtype == targets.dtype:
            fill = [Call(take, targets, {"source": encoded, "places": examples})]
        else:
            taken = self._backend.empty((len(examples), *encoded.shape[1:]), encoded.dtype)
            fill = [
                Call(take, taken, {"source": encoded, "places": examples}),
                Call(widened, targets, {"x": taken}),
            ]
        each = self._put(self._weights, weights.dtype)
        weigh = self._targets.weigh(examples, targets, weights, each, self._backend)
        return [*fill, weigh]

    def _put(self, numbers: NDArray[np.float64] | None, dtype: DTypeLike) -> Array | None:
        """`numbers` as `dtype` in the memory of the backend."""
        return None if numbers is None else self._backend.put(numbers.astype(dtype, copy=False))

    def _scaled(
        self,
        out: Array,
        examples: Array,
        scale: NDArray[np.float64],
        offset: NDArray[np.float64] | None,
    ) -> list[Call]:
        """The calls that write the scaled numbers of `examples` into out (batch, inputs)."""
        backend, numbers = self._backend, self._numbers
        calls, places = [], examples
        if self._rows is not None:
            places = backend.empty(examples.shape, examples.dtype)
            calls.append(Call(take, places, {"source": self._rows, "places": examples}))
        if numbers.dtype == out.dtype and offset is None and (scale == 1).all():
            return [*calls, Call(take, out, {"source": numbers, "places": places})]
        rows = backend.empty(out.shape, numbers.dtype)
        arrays = {"numbers": numbers, "places": places, "rows": rows}
        affine = {"scale": self._put(scale, out.dtype), "offset": self._put(offset, out.dtype)}
        return [*calls, Call(scaled_rows, out, arrays | affine)]

    def _read(self, file: Inputs, rows: NDArray[np.int64], examples: NDArray[np.int64]) -> None:
        """Copy `examples` from their `rows` in `file` into memory, in file order."""
        examples = np.sort(examples)
        size, put = max(1, _PART_BYTES // file.shape[1]), self._backend.put
        for first in range(0, len(examples), size):
            part = rows[examples[first : first + size]]
            fetch(file, part)
            self._numbers[first : first + len(part)] = put(file.take(part, axis=0))
            release(file)
        assert self._rows is not None
        self._rows[put(examples)] = put(np.arange(len(examples)))


def _per_input(numbers: NDArray[np.float64], inputs: int) -> NDArray[np.float64]:
    """Repeat one number per channel for each input; (1,) if all are equal, which is faster."""
    alike = (numbers == numbers[0]).all()
    return numbers[:1] if alike else np.tile(numbers, inputs // len(numbers))


@kernel("take")
def take(_xp: Any, out: Array, source: Array, places: Array) -> None:
    """outᵢ = source[placesᵢ], numbers or rows."""
    # the method, because xp.take takes four times as long to call; mode="clip" writes straight
    # into `out`, while the default mode makes a copy
    source.take(places, axis=0, out=out, mode="clip")


def widened(_xp: Any, out: Array, x: Array) -> None:
    """out (m,) = x, of m numbers of a smaller type."""
    out[...] = x.reshape(-1)


@kernel("scaled_rows")
def scaled_rows(
    xp: Any, out: Array, numbers: Array, places: Array, rows: Array, scale: Array, offset: Array
) -> None:
    """outᵢ = numbers[placesᵢ] scale + offset; both (width,) or (1,), offset None for 0."""
    numbers.take(places, axis=0, out=rows, mode="clip")
    xp.copyto(out, rows)
    xp.multiply(out, scale, out=out)
    if offset is not None:
        xp.add(out, offset, out=out)

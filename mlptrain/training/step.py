"""A training step as one list of calls; all training goes through it:

    gather → scale → forward → backward → update → note the loss and the hits

What changes from step to step (the examples, the update's coefficients, random numbers) lies in
arrays that the calls index with a counter, so one native call can make many steps.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.data.batches import Batches
from mlptrain.nn.model import Model, Program

MOST_STEPS = 256  # of one call
MOST_EXAMPLES = 1 << 20  # of one call, unless a step has more


class Step:
    """Steps on batches of `batch_size` examples.

    Args:
        model: the model to train.
        batches: the training examples.
        update: gives the calls that use the gradient, once it is in the model's arena; they may
            also change the program's loss, which is noted afterwards.
        coefficients: (c,) the numbers of the current step; `update` reads them.
        random: seed and purpose, the key of the random numbers that layers draw.
        counter: (1,) int64, the number of steps made; each step adds 1.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        batch_size: int,
        *,
        update: Callable[[Program], Iterable[Call]],
        coefficients: Array,
        random: tuple[int, int],
        counter: Array,
    ) -> None:
        self._backend = backend = model.arena.backend
        self._counter = counter
        self.program = program = model.plan_training(batch_size, backend.random(*random, counter))
        dtype = model.arena.values.dtype
        self.most = most = min(MOST_STEPS, max(1, MOST_EXAMPLES // batch_size))
        # ring buffers: step t uses row t mod `most`
        self._examples = backend.empty((most, batch_size), np.int64)
        self._coefficients = backend.empty((most, coefficients.size), dtype)
        self._losses = backend.empty((most, 1), dtype)
        self._correct = backend.empty((most, 1), dtype)
        self._correct[...] = 0  # where nothing is counted
        examples = backend.empty((batch_size,), np.int64)
        program.loss.gradient[...] = 1
        at = {"counter": counter}
        calls = [
            Call(row, examples, {"table": self._examples, **at}),
            Call(row, coefficients, {"table": self._coefficients, **at}),
            *batches.calls(examples, program.x.value),
            *batches.target_calls(examples, program.targets.value, program.weights.value),
            *program.plan.forward_calls,
            *program.plan.backward_calls,
            *update(program),
            Call(put, self._losses, {"value": program.loss.value, **at}),
            Call(advance, counter, {}),
        ]
        if program.score is not None:
            calls.insert(-1, Call(put, self._correct, {"value": program.score.value, **at}))
        self._run = backend.bind(calls)

    def run(
        self, examples: NDArray[np.int64], coefficients: NDArray[np.float64]
    ) -> tuple[list[float], list[int]]:
        """Make n ≤ `most` steps. Returns, for each, the mean loss before its update and how
        many examples were predicted correctly.

        examples (n, batch_size): the indices that `Batches` gathers; coefficients (n, c): their
        numbers. A loss of NaN or Inf does not stop it; the caller checks."""
        first, n, put = int(self._counter[0]), len(examples), self._backend.put
        rows = np.arange(first, first + n) % self.most
        with self._backend.quiet():
            places = put(rows)
            self._examples[places] = put(examples)
            self._coefficients[places] = put(coefficients)
            self._run(n)
        losses, correct = map(self._backend.fetch, (self._losses, self._correct))
        return losses[rows, 0].tolist(), correct[rows, 0].astype(int).tolist()


@kernel("row")
def row(_xp: Any, out: Array, table: Array, counter: Array) -> None:
    """out = the row of the ring buffer `table` (rows, …) for step `counter`."""
    out[...] = table[counter[0] % len(table)]


@kernel("put")
def put(_xp: Any, out: Array, value: Array, counter: Array) -> None:
    """The row of the ring buffer `out` (rows, 1) for step `counter` = value ()."""
    out[counter[0] % len(out)] = value


@kernel("advance")
def advance(_xp: Any, out: Array) -> None:
    """out ← out + 1."""
    out += 1

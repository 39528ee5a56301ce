"""The forward pass alone: predictions and losses without learning."""

from collections.abc import Callable, Iterator, Sized
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array
from mlptrain.data.batches import Batches
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import Inputs
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import InputTargets, Targets
from mlptrain.nn.model import Model
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import TargetSpec, Task
from mlptrain.training.example_results import ExampleBatch, Visitor

BATCH_SIZE = 256


class Batch(NamedTuple):
    """The results for m examples; the next batch overwrites them.

    Attributes:
        place: the slice of the examples that this batch covers.
        outputs: (m, units), or (m, rows, units / rows) if each example has several rows.
        targets: (m, …) in the shape of `outputs`, or indices (m,) or (m, rows).
        loss: the mean loss.
    """

    place: slice
    outputs: Array
    targets: Array
    loss: float


class Predictor:
    """Runs `model` forward over examples, with its preprocessing.

    The last batch is padded so that all have the same size, because matrix products of different
    shapes round differently. Some BLAS kernels also round a row depending on its position, so the
    probabilities of an image predicted alone and in a batch may differ by up to 1e-6.
    `keep_hidden`: for `hidden`."""

    def __init__(
        self, model: Model, normalization: Normalization, *, keep_hidden: bool = False
    ) -> None:
        self._head = model.head
        self._program = model.plan_evaluation(BATCH_SIZE, keep_hidden=keep_hidden)
        self._normalization = normalization
        self._backend = model.arena.backend

    def hidden(self, layer: str) -> Array:
        """(BATCH_SIZE, outputs) what `layer` computed in the last batch of `run`."""
        return self._backend.fetch(self._program.hidden[layer].value)

    def run(
        self,
        inputs: Inputs,
        rows: NDArray[np.int64] | None = None,
        targets: Targets | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> Iterator[Batch]:
        """Run over all examples, given as for `Batches`. Without `targets`, zeros stand in for
        them, and the loss shows only whether the outputs are finite."""
        program, rows_each, backend = self._program, self._head.rows, self._backend
        known = _no_targets(inputs if rows is None else rows) if targets is None else targets
        batches = Batches(
            inputs,
            known,
            self._normalization,
            rows,
            weights=weights,
            window=BATCH_SIZE,
            backend=backend,
        )
        examples = backend.empty((BATCH_SIZE,), np.int64)
        x, wanted, shares = (t.value for t in (program.x, program.targets, program.weights))
        calls = batches.calls(examples, x)
        if targets is not None:
            calls += batches.target_calls(examples, wanted, shares)
        else:
            wanted[...], shares[...] = 0, 1 / len(shares)
        gather = backend.bind(calls)
        outputs = program.output.value.reshape(BATCH_SIZE, rows_each, -1)
        by_example = wanted.reshape(BATCH_SIZE, rows_each, -1)
        if rows_each == 1:
            outputs, by_example = outputs[:, 0], by_example[:, 0]
        if self._head.by_index:
            by_example = by_example[..., 0]
        for window in batches.windows(np.arange(len(batches))):
            for first in range(window.start, window.stop, BATCH_SIZE):
                place = slice(first, min(first + BATCH_SIZE, window.stop))
                m = place.stop - place.start
                examples[:m] = backend.put(np.arange(place.start, place.stop))
                examples[m:] = first
                with backend.quiet():
                    gather()
                    x[m:] = 0  # an infinite loss times a weight of 0 would be NaN
                    if targets is not None:
                        shares[m * rows_each :] = 0
                        shares /= shares.sum(dtype=np.float64) or 1
                    program.plan.forward()
                fetched, truth = backend.fetch(outputs[:m]), backend.fetch(by_example[:m])
                yield Batch(place, fetched, truth, float(program.loss.value))


def _no_targets(examples: Sized) -> Targets:
    return InputTargets(np.empty((len(examples), 0)), ())


def evaluate(
    predictor: Predictor,
    task: Task,
    spec: TargetSpec,
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    visit: Visitor | None = None,
    *,
    keep_scores: bool,
) -> Outcome:
    """The predictions for all of `dataset` compared with its targets.

    `progress` is called with the number of examples done, from 0 on, and their total, `visit` with
    each batch.
    `keep_scores`: for metrics that need the score of each example."""
    outcome = task.outcome(spec, keep_scores=keep_scores)
    own = dataset.targets
    weights = own.example_weights(dataset.weights)
    if progress:
        progress(0, len(dataset))
    for batch in predictor.run(dataset.inputs, dataset.rows, own, dataset.weights):
        is_input = isinstance(own, InputTargets)
        predictions = task.predictions(batch.outputs, spec)
        truth = batch.targets if is_input else own.values[batch.place]
        outcome.add(predictions, truth)
        if visit:
            visit(ExampleBatch(task, spec, dataset, batch.place, predictions, truth))
        outcome.add_loss(batch.loss, float(own.amounts(batch.place, weights).sum()))
        if progress:
            progress(batch.place.stop, len(dataset))
    return outcome

"""Forward only: what a model says about images it does not learn from."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.batches import Batches
from mlptrain.data.dataset import Dataset
from mlptrain.data.normalization import Normalization
from mlptrain.nn.model import Model
from mlptrain.tasks.outcomes.classes import ClassOutcome

BATCH_SIZE = 256


class Predictor:
    """Runs `model` forward over images, with its preprocessing.

    Every batch has the same size, the last one padded: matrix products of different shapes round
    differently. What is left is the rounding of a row by its place in the product, which some BLAS
    kernels have: an image predicted alone and among others has probabilities within 1e-6."""

    def __init__(self, model: Model, normalization: Normalization) -> None:
        self._program = model.plan_evaluation(BATCH_SIZE)
        self._normalization = normalization
        self._backend = model.arena.backend

    def run(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        rows: NDArray[np.int64] | None = None,
    ) -> Iterator[tuple[slice, NDArray[np.float32], float]]:
        """For each batch of the examples, given as `Batches` takes them, yield its slice, its
        probabilities (m, classes), overwritten by the next batch, and its mean loss."""
        program, backend = self._program, self._backend
        batches = Batches(images, labels, self._normalization, rows=rows, window=BATCH_SIZE)
        examples, weights = np.empty(BATCH_SIZE, np.int64), program.weights.value
        gather = backend.bind(batches.calls(examples, program.x.value, program.labels.value))
        for window in batches.windows(np.arange(len(batches))):
            for first in range(window.start, window.stop, BATCH_SIZE):
                place = slice(first, min(first + BATCH_SIZE, window.stop))
                m = place.stop - place.start
                examples[:m] = np.arange(place.start, place.stop)
                examples[m:] = first
                weights[:m], weights[m:] = 1 / m, 0
                with backend.quiet():
                    gather()
                    program.x.value[m:] = 0  # a loss of Inf times a weight of 0 would be NaN
                    program.plan.forward()
                yield place, program.output.value[:m], float(program.loss.value)


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    *,
    keep_scores: bool = False,
) -> ClassOutcome:
    """Compare the predictions for all of `dataset` with its labels.

    `progress` is called with how many of how many examples are done. `keep_scores`: for metrics of
    the probabilities."""
    outcome = ClassOutcome(dataset.class_names, keep_scores=keep_scores)
    for rows, probabilities, loss in predictor.run(dataset.images, dataset.labels, dataset.rows):
        outcome.add(probabilities, dataset.labels[rows])
        outcome.add_loss(loss, len(probabilities))
        if progress:
            progress(rows.stop, len(dataset))
    return outcome

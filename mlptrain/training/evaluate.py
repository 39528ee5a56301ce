"""Forward only: what a model says about images it does not learn from."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.batches import Batches
from mlptrain.nn.model import Model
from mlptrain.training.metrics import Evaluation

BATCH_SIZE = 256


class Predictor:
    """Runs `model` forward over batches.

    Every batch has the same size, the last one padded: matrix products of different shapes round
    differently. What is left is the rounding of a row by its place in the product, which some BLAS
    kernels have: an image predicted alone and among others has probabilities within 1e-6."""

    def __init__(self, model: Model) -> None:
        self._program = model.plan_evaluation(BATCH_SIZE)

    def run(self, batches: Batches) -> Iterator[tuple[slice, NDArray[np.float32], float]]:
        """Yield for one batch after the other: which examples it held, their probabilities
        (m, classes), overwritten by the next batch, and their mean loss."""
        program = self._program
        for indices in batches.in_order(np.arange(len(batches)), BATCH_SIZE, BATCH_SIZE):
            rows = slice(int(indices[0]), int(indices[-1]) + 1)
            batches.write(indices, program.x.value, program.labels.value, program.weights.value)
            program.plan.forward()
            yield rows, program.output.value[: len(indices)], float(program.loss.value)


def evaluate(
    predictor: Predictor,
    batches: Batches,
    class_names: tuple[str, ...],
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Compare the predictions for all of `batches` with their labels.

    `progress` is called with how many of how many examples are done."""
    classes = len(class_names)
    predicted = np.empty(len(batches), np.int64)
    loss_sum = 0.0
    for rows, probabilities, loss in predictor.run(batches):
        np.argmax(probabilities, axis=1, out=predicted[rows])
        loss_sum += loss * len(probabilities)
        if progress:
            progress(rows.stop, len(batches))
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (batches.labels, predicted), 1)
    return Evaluation(class_names, confusion, loss_sum / len(batches))

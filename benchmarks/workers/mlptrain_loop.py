"""mlptrain's own loop, on uint8 pixels: shuffling, gathering, scaling, accuracy and the checks for
NaN are part of every step."""

import atexit
import itertools
from contextlib import ExitStack

from benchmarks import fashion_mnist
from benchmarks.workers.jobs import endless_steps, temporary_job
from benchmarks.workers.serve import Task, serve
from mlptrain.training.evaluate import Predictor, evaluate

CONFIG = """\
data:
  train: {{images: {images}, labels: {labels}}}
  test: {{images: {test_images}, labels: {test_labels}}}
  validation: null
  normalize: none
model: {{hidden_layers: {hidden}, activation: relu}}
training: {{batch_size: {batch_size}, optimizer: adam}}
seed: {seed}
"""


class MlptrainTrainer:
    """One job; its run folder goes when the process ends."""

    def __init__(self, task: Task) -> None:
        stack = ExitStack()
        atexit.register(stack.close)
        self.job = stack.enter_context(temporary_job(config(task)))
        self.steps_per_pass = task.row.steps
        self._steps = endless_steps(self.job)

    def train(self, passes: int) -> None:
        for _ in itertools.islice(self._steps, passes * self.steps_per_pass):
            pass

    def accuracy(self) -> float:
        job, test = self.job, self.job.splits.test
        assert test is not None
        return evaluate(Predictor(job.model, job.normalization), test).accuracy


def config(task: Task) -> str:
    images, labels = fashion_mnist.paths(task.data, "train")
    test_images, test_labels = fashion_mnist.paths(task.data, "test")
    return CONFIG.format(
        images=images,
        labels=labels,
        test_images=test_images,
        test_labels=test_labels,
        hidden=list(task.row.hidden),
        batch_size=task.row.batch_size,
        seed=task.seed,
    )


if __name__ == "__main__":
    serve(MlptrainTrainer)

"""mlptrain's own loop on uint8 pixels, including shuffling, gathering, scaling, accuracy and checks
for NaN."""

import atexit
from contextlib import ExitStack

from benchmarks import fashion_mnist
from benchmarks.workers.runs import temporary_run, train_steps
from benchmarks.workers.serve import Task, serve
from mlptrain.tasks.outcomes.classes import ClassOutcome

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
    """One run; its folder is deleted when the process ends."""

    def __init__(self, task: Task) -> None:
        stack = ExitStack()
        atexit.register(stack.close)
        self.run = stack.enter_context(temporary_run(config(task)))
        self.steps_per_pass = task.row.steps

    def train(self, passes: int) -> None:
        train_steps(self.run, passes * self.steps_per_pass)

    def accuracy(self) -> float:
        outcome = self.run.trainer.evaluate(self.run.splits.test)
        assert isinstance(outcome, ClassOutcome)
        return outcome.accuracy


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

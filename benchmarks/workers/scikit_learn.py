"""scikit-learn: one `MLPClassifier.partial_fit` per pass, in float32, without its L2 penalty."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks import fashion_mnist
from benchmarks.workers.serve import Task, serve


class SklearnTrainer:
    """MLPClassifier; each pass shuffles, the default."""

    def __init__(self, task: Task) -> None:
        self.data = task.data
        self.x, self.labels = fashion_mnist.load(task.data, "train", task.row.examples)
        self.net = MLPClassifier(
            task.row.hidden, batch_size=task.row.batch_size, alpha=0.0, random_state=task.seed
        )

    def train(self, passes: int) -> None:
        for _ in range(passes):
            self.net.partial_fit(self.x, self.labels, classes=np.arange(10))

    def accuracy(self) -> float:
        return float(self.net.score(*fashion_mnist.load(self.data, "test")))


if __name__ == "__main__":
    serve(SklearnTrainer)

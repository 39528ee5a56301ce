"""Keras on its JAX backend: compiled `model.fit` without a progress bar.

The form ends with the value of `steps_per_execution`, the steps between calls of callbacks.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras

from benchmarks import fashion_mnist
from benchmarks.workers.serve import Task, serve


class KerasTrainer:
    """keras.Sequential on NumPy arrays; `fit` shuffles by default."""

    def __init__(self, task: Task) -> None:
        keras.utils.set_random_seed(task.seed)
        self.data, self.batch_size = task.data, task.row.batch_size
        self.x, self.labels = fashion_mnist.load(task.data, "train", task.row.examples)
        hidden = [keras.layers.Dense(units, activation="relu") for units in task.row.hidden]
        self.net = keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(10)])
        self.net.compile(
            optimizer="adam",
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=int(task.form.split()[-1]),
            jit_compile=True,
        )

    def train(self, passes: int) -> None:
        self.net.fit(self.x, self.labels, self.batch_size, epochs=passes, verbose=0)

    def accuracy(self) -> float:
        x, labels = fashion_mnist.load(self.data, "test")
        return float((self.net.predict(x, verbose=0).argmax(1) == labels).mean())


if __name__ == "__main__":
    serve(KerasTrainer)

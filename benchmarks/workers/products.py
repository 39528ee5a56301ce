"""The matrix products of training and nothing else, with NumPy's BLAS on all cores.

For each layer x·W forward, xᵀ·g for the weights' gradient, and, except in the first layer, g·Wᵀ for
the input's gradient, written into preallocated arrays.
"""

import numpy as np

from benchmarks.workers.serve import Task, serve


class Products:
    """The products of one row's steps; every batch is full."""

    def __init__(self, task: Task) -> None:
        random = np.random.default_rng(task.seed)

        def filled(*shape: int) -> np.ndarray:
            return random.standard_normal(shape, dtype=np.float32)

        batch = task.row.batch_size
        self.steps_per_pass = task.row.examples / batch
        values = [filled(batch, width) for width in task.row.sizes]
        gradients = [filled(batch, width) for width in task.row.sizes]
        kernels = [filled(n, m) for n, m in task.row.layers]
        self._products = []
        for i, w in enumerate(kernels):
            x, g = values[i], gradients[i + 1]
            self._products.append((x, w, np.empty_like(g)))
            self._products.append((x.T, g, np.empty_like(w)))
            if i > 0:
                self._products.append((g, w.T, np.empty_like(x)))

    def train(self, passes: int) -> None:
        for _ in range(round(passes * self.steps_per_pass)):
            for a, b, out in self._products:
                np.matmul(a, b, out=out)

    def accuracy(self) -> float:
        raise NotImplementedError("nothing is learned here")


if __name__ == "__main__":
    serve(Products)

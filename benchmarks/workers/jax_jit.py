"""JAX without a framework on top: a hand-written, compiled training step.

The data are on the device, rows are gathered in the compiled function, and the old parameters are
donated. Form "step" calls one compiled step per batch; form "scan" runs all full batches of a pass
as one compiled `lax.scan`.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import fashion_mnist
from benchmarks.workers.serve import Task, serve

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def logits(layers: Any, x: jax.Array) -> jax.Array:
    """The logits (batch, classes) of x (batch, inputs)."""
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def loss(layers: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross-entropy."""
    log_p = jax.nn.log_softmax(logits(layers, x))
    return -jnp.take_along_axis(log_p, labels[:, None], axis=1).mean()


def update(state: Any, rows: jax.Array, images: jax.Array, labels: jax.Array) -> Any:
    """(layers, m, v, t) after one step of Adam (Kingma & Ba, 2015) on the examples `rows`."""
    layers, m, v, t = state
    g = jax.grad(loss)(layers, images[rows], labels[rows])
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, g)
    v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, g)
    rate = RATE * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
    layers = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), layers, m, v)
    return layers, m, v, t


step = partial(jax.jit, donate_argnums=0)(update)


@partial(jax.jit, donate_argnums=0)
def scan(state: Any, batches: jax.Array, images: jax.Array, labels: jax.Array) -> Any:
    """The state after all of `batches` (steps, batch)."""

    def one(state: Any, rows: jax.Array) -> Any:
        return update(state, rows, images, labels), None

    return jax.lax.scan(one, state, batches)[0]


class JaxTrainer:
    """Trains parameters held as a list of (kernel, bias), initially He-normal and zero."""

    def __init__(self, task: Task) -> None:
        self.data, self.batch_size, self.form = task.data, task.row.batch_size, task.form
        images, labels = fashion_mnist.load(task.data, "train", task.row.examples)
        self.images, self.labels = jnp.asarray(images), jnp.asarray(labels, jnp.int32)
        self.random = np.random.default_rng(task.seed)
        initial = jax.nn.initializers.he_normal()
        layers = [
            (initial(key, shape), jnp.zeros(shape[1]))
            for key, shape in zip(
                jax.random.split(jax.random.key(task.seed), len(task.row.layers)),
                task.row.layers,
                strict=True,
            )
        ]
        zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
        self.state = (layers, *zeros, jnp.zeros((), jnp.int32))

    def train(self, passes: int) -> None:
        for _ in range(passes):
            order = self.random.permutation(len(self.images)).astype(np.int32)
            full = len(order) // self.batch_size * self.batch_size if self.form == "scan" else 0
            if full:
                batches = order[:full].reshape(-1, self.batch_size)
                self.state = scan(self.state, batches, self.images, self.labels)
            for first in range(full, len(order), self.batch_size):
                rows = order[first : first + self.batch_size]
                self.state = step(self.state, rows, self.images, self.labels)
        jax.block_until_ready(self.state)

    def accuracy(self) -> float:
        x, labels = fashion_mnist.load(self.data, "test")
        return float((logits(self.state[0], x).argmax(1) == labels).mean())


if __name__ == "__main__":
    serve(JaxTrainer)

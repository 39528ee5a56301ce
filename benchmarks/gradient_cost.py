"""What the gradient costs, in forward passes, beside the lecture's figure of about two.

    python benchmarks/gradient_cost.py [--rounds N] [--threads N]

For three networks this measures, on the program that training runs (float32, relu, cross-entropy),

    forward    one `Plan.forward`: the loss of a batch, and nothing else
    backward   one `Plan.backward` after it: the gradients of all parameters

and prints backward / forward, what the gradient costs on top of the loss, and
(forward + backward) / forward, what loss and gradient cost together. Each round times both once,
one directly after the other, over as many passes as take about 20 ms; the figures are the medians
over the rounds of each round's own ratio, so that a slow moment of the machine hits both alike.

The lecture's two is a count of operations: for each matrix product forward, one for the weights'
gradient and one for the input's. The first layer's input gradient is never computed, so a network
whose first layer holds most of its weights stays below two.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from mlptrain.functions.activations import ReLU
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Model, Program

NETWORKS = [((784, 100, 10), 200), ((784, 50, 50, 10), 32), ((784, 512, 512, 10), 128)]
SECONDS_PER_TIMING = 0.02


class Cost(NamedTuple):
    """Medians: seconds per pass, and the ratio of backward to forward."""

    forward: float
    backward: float
    ratio: float


def program(sizes: tuple[int, ...], batch_size: int) -> Program:
    """The training program of a network of `sizes`, filled with random data."""
    random = np.random.default_rng(0)
    hidden = [Dense(units=units, activation=ReLU()) for units in sizes[1:-1]]
    model = Model(hidden, sizes[0], sizes[-1], CrossEntropy())
    model.initialize(random)
    made = model.plan_training(batch_size, random)
    made.x.value[...] = random.normal(size=made.x.shape)
    made.labels.value[...] = random.integers(0, sizes[-1], batch_size)
    made.weights.value[...] = 1
    return made


def seconds(run: Callable[[], None], passes: int) -> float:
    """Seconds of one pass, over `passes` of them."""
    start = time.perf_counter()
    for _ in range(passes):
        run()
    return (time.perf_counter() - start) / passes


def cost(made: Program, rounds: int) -> Cost:
    """Measure in `rounds` rounds, after passes that warm up."""
    forward, backward = made.plan.forward, made.plan.backward
    seconds(forward, 20)
    seconds(backward, 20)
    passes = max(1, math.ceil(SECONDS_PER_TIMING / seconds(forward, 20)))
    timings = [(seconds(forward, passes), seconds(backward, passes)) for _ in range(rounds)]
    return Cost(
        statistics.median(f for f, _ in timings),
        statistics.median(b for _, b in timings),
        statistics.median(b / f for f, b in timings),
    )


def operations(sizes: tuple[int, ...]) -> float:
    """Matrix products of the backward pass / of the forward pass, by their multiplications."""
    products = [n * units for n, units in pairwise(sizes)]
    return (2 * sum(products) - products[0]) / sum(products)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=None, help="of the BLAS; default: all")
    options = parser.parse_args()
    print(f"numpy {np.__version__}, float32, medians of {options.rounds} rounds")
    print(
        f"{'network':<18}{'batch':>6}{'forward':>12}{'backward':>12}"
        f"{'backward / forward':>21}{'by operations':>15}{'both / forward':>16}"
    )
    with threadpool_limits(options.threads):
        for sizes, batch_size in NETWORKS:
            found = cost(program(sizes, batch_size), options.rounds)
            print(
                f"{'-'.join(map(str, sizes)):<18}{batch_size:>6}"
                f"{found.forward * 1e6:>9.1f} µs{found.backward * 1e6:>9.1f} µs"
                f"{found.ratio:>21.2f}{operations(sizes):>15.2f}{1 + found.ratio:>16.2f}"
            )
    print("the lecture: the gradient costs about 2 forward passes")


if __name__ == "__main__":
    main()

"""The cost of the gradient in forward passes; the lecture says about two.

For three networks (float32, relu, cross-entropy), this times the passes of training,

    forward    one `Plan.forward`: the loss of a batch, and nothing else
    backward   one `Plan.backward` after it: the gradients of all parameters

and shows backward / forward, the cost of the gradient on top of the loss. Each round times one
directly after the other, each over as many passes as take about 20 ms, so that a slow moment of the
machine affects both.

The lecture counts operations: for each matrix product forward, there is one for the weights'
gradient and one for the input's. The first layer's input gradient is never computed, so a network
whose first layer holds most of its weights stays below two.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.rows import ROWS, Row
from benchmarks.spread import ratios, times
from mlptrain.backend.choice import choose_backend, set_threads
from mlptrain.functions.activations import ReLU, Softmax
from mlptrain.functions.losses import CountCorrect, CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model, Program

NUMBERS = (1, 2, 3)  # row numbers
ROUNDS = 60
WAYS = ("forward", "backward")
SECONDS_PER_TIMING = 0.02


def measure(options: Options) -> list[dict[str, Any]]:
    """For each network, the seconds of a forward and of a backward pass in each round."""
    rounds = 10 if options.quick else ROUNDS
    return [
        {"row": str(row), "by operations": operations(row), **timings(program(row), rounds)}
        for row in map(ROWS.__getitem__, NUMBERS)
    ]


def program(row: Row) -> Program:
    """The training program of `row` with random data, on as many threads as training uses."""
    random = np.random.default_rng(0)
    hidden = [Dense(units=units, activation=ReLU()) for units in row.hidden]
    backend = choose_backend()
    head = Head(row.sizes[-1], Softmax(), score=CountCorrect())
    model = Model(hidden, row.sizes[0], head, CrossEntropy(), backend=backend)
    set_threads(backend, "auto", row.batch_size * model.largest_kernel)
    model.initialize(random)
    draws = backend.random(0, 0, np.zeros(1, np.int64))
    made = model.plan_training(row.batch_size, draws)
    made.x.value[...] = random.normal(size=made.x.shape)
    made.targets.value[...] = random.integers(0, row.sizes[-1], row.batch_size)
    made.weights.value[...] = 1 / made.weights.value.size
    return made


def timings(made: Program, rounds: int) -> dict[str, list[float]]:
    """Seconds per pass in each round, after warm-up passes."""
    forward, backward = made.plan.forward, made.plan.backward
    with made.plan.backend.quiet():
        seconds(forward, 20)
        seconds(backward, 20)
        passes = max(1, math.ceil(SECONDS_PER_TIMING / seconds(forward, 20)))
        both = [(seconds(forward, passes), seconds(backward, passes)) for _ in range(rounds)]
    return {"forward": [f for f, _ in both], "backward": [b for _, b in both]}


def seconds(run: Callable[[], None], passes: int) -> float:
    """The mean seconds per pass over `passes` passes."""
    started = time.perf_counter()
    for _ in range(passes):
        run()
    return (time.perf_counter() - started) / passes


def operations(row: Row) -> float:
    """Multiplications in the matrix products of the backward pass / of the forward pass."""
    products = [n * m for n, m in row.layers]
    return (2 * sum(products) - products[0]) / sum(products)


def tables(result: list[dict[str, Any]]) -> list[Table]:
    return [
        Table(
            "Cost of a backward pass, in forward passes",
            ["network", "forward µs", "backward µs", "backward / forward", "by operation count"],
            [
                [
                    record["row"],
                    *(f"{statistics.median(record[way]) * 1e6:,.1f}" for way in WAYS),
                    times(ratios(record["backward"], record["forward"])),
                    f"{record['by operations']:.2f}",
                ]
                for record in result
            ],
            f"Over {len(result[0]['forward'])} rounds. The lecture: the gradient costs about 2 "
            "forward passes.",
        )
    ]

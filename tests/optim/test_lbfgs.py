"""L-BFGS on functions with known minima, beside SciPy's, which is what scikit-learn uses."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from numpy.typing import NDArray

from mlptrain.optim.lbfgs import LBFGS
from mlptrain.optim.line_search import Point, line_search
from mlptrain.optim.optimizers import Objective

Vector = NDArray[np.float64]
Function = Callable[[Vector], tuple[float, Vector]]


def rosenbrock(w: Vector) -> tuple[float, Vector]:
    """Minimum 0 at (1, 1, …), at the end of a long curved valley."""
    return float(scipy.optimize.rosen(w)), scipy.optimize.rosen_der(w)


def logistic(w: Vector) -> tuple[float, Vector]:
    """A logistic regression on 200 random points."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, w.size))
    t = x @ random.normal(size=w.size) + random.normal(size=200) > 0
    z = x @ w
    p = 1 / (1 + np.exp(-z))
    loss = np.mean(np.logaddexp(0, z) - t * z) + 5e-4 * w @ w
    return float(loss), x.T @ (p - t) / 200 + 1e-3 * w


class Minimization:
    """LBFGS at work on `function`, from `start` on."""

    def __init__(self, function: Function, start: Vector, **settings: Any) -> None:
        self.optimizer = LBFGS(**settings)
        self.function = function
        self.w = np.array(start, np.float64)
        names = ("gradient", *self.optimizer.state(), *self.optimizer.work())
        self.vectors = {name: np.zeros_like(self.w) for name in names}
        self.memory: dict[str, float] = {}
        self.evaluations = 0

    def evaluate(self) -> float:
        self.evaluations += 1
        loss, self.vectors["gradient"][...] = self.function(self.w)
        return loss

    def iterate(self) -> float:
        """One iteration; returns the loss after it."""
        objective = Objective(np, self.w, self.vectors["gradient"], self.evaluate)
        self.optimizer.iterate(objective, self.vectors, self.memory)
        return self.memory["loss"]

    def losses(self, most: int) -> list[float]:
        """The loss after each iteration, until it has converged."""
        losses = []
        while len(losses) < most and "converged" not in self.memory:
            losses.append(self.iterate())
        return losses


STARTS: list[tuple[Function, Vector]] = [
    (rosenbrock, np.array([-1.2, 1.0])),
    (rosenbrock, np.full(10, -1.0)),
    (rosenbrock, 3 * np.random.default_rng(1).normal(size=20)),
    (logistic, np.zeros(30)),
]


@pytest.mark.parametrize("history", [1, 5, 10])
@pytest.mark.parametrize(("function", "start"), STARTS)
def test_every_iteration_is_that_of_scipy(function: Function, start: Vector, history: int) -> None:
    """From one iteration to the next, rounding differs and grows; the first 15 show any other
    difference."""
    theirs: list[float] = []
    scipy.optimize.minimize(
        function,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": history, "maxiter": 15, "gtol": 0},
        callback=lambda intermediate_result: theirs.append(float(intermediate_result.fun)),
    )
    ours = Minimization(function, start, history=history, tolerance=0).losses(15)
    assert len(ours) == len(theirs) == 15
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize(("function", "start"), STARTS)
def test_it_converges_with_few_evaluations(function: Function, start: Vector) -> None:
    minimization = Minimization(function, start, tolerance=1e-6)
    losses = minimization.losses(1000)
    assert minimization.memory["converged"]
    assert np.abs(function(minimization.w)[1]).max() < 1e-3
    assert all(after <= before for before, after in pairwise(losses))
    assert minimization.evaluations < 1.5 * len(losses) + 5
    if function is rosenbrock:
        np.testing.assert_allclose(minimization.w, 1, atol=1e-3)


def test_the_tolerance_ends_it() -> None:
    loose = Minimization(logistic, np.zeros(30), tolerance=1e-2)
    loose.losses(100)
    gradient = np.abs(logistic(loose.w)[1]).max()
    assert 1e-5 < gradient <= 1e-2


def test_a_minimum_is_left_alone() -> None:
    minimization = Minimization(rosenbrock, np.ones(4))
    assert minimization.losses(5) == [0.0]
    np.testing.assert_array_equal(minimization.w, 1)
    assert minimization.evaluations == 1


def test_where_no_step_helps_everything_stays_as_it_was() -> None:
    """A gradient that points down the wrong way: both searches fail."""

    def contrary(w: Vector) -> tuple[float, Vector]:
        return float(w @ w), -2 * w

    minimization = Minimization(contrary, np.array([1.0, -2.0]))
    assert minimization.losses(5) == [5.0]
    np.testing.assert_array_equal(minimization.w, [1.0, -2.0])
    np.testing.assert_array_equal(minimization.vectors["gradient"], [-2.0, 4.0])


def test_what_was_learned_is_forgotten_where_it_misleads() -> None:
    minimization = Minimization(rosenbrock, np.array([-1.2, 1.0]))
    minimization.losses(5)
    for place in range(5):
        minimization.vectors[f"y{place}"] *= -1  # now H is negative definite
    before = minimization.memory["loss"]
    assert minimization.iterate() < before
    assert minimization.memory["steps"] == 1


def test_state_and_memory_are_all_that_is_kept() -> None:
    whole = Minimization(rosenbrock, np.full(6, -1.0), history=3)
    whole.losses(7)
    resumed = Minimization(rosenbrock, whole.w, history=3)
    for name in ("gradient", *whole.optimizer.state()):
        resumed.vectors[name][...] = whole.vectors[name]
    resumed.memory = dict(whole.memory)
    assert whole.losses(10) == resumed.losses(10)
    np.testing.assert_array_equal(whole.w, resumed.w)


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize(
    "loss",
    [
        lambda t: (-t / (t**2 + 2), (t**2 - 2) / (t**2 + 2) ** 2),
        lambda t: ((t - 3) ** 4, 4 * (t - 3) ** 3),
        lambda t: (np.exp(t) - 5 * t, np.exp(t) - 5),
    ],
)
def test_a_line_search_ends_low_and_flat(
    loss: Callable[[float], tuple[float, float]], first: float
) -> None:
    """The first one is a function of Moré & Thuente (1994)."""
    start = Point(0.0, *loss(0.0))
    with np.errstate(over="ignore"):
        here = line_search(loss, start, first)
    if here is None:  # exp(1000) is Inf
        assert first == 1e3
        return
    assert (here.loss, here.slope) == loss(here.t)
    assert here.loss <= start.loss + 1e-3 * here.t * start.slope
    assert abs(here.slope) <= 0.9 * abs(start.slope)


@pytest.mark.parametrize("seed", [53, 73, 107, 113, 122, 402, 1423, 1485])
def test_a_line_search_tries_the_same_steps_as_minpack_s(seed: int) -> None:
    """On sums of waves; these need the parts of the algorithm that smooth functions do without:
    tilted losses, a bracket that shrinks too slowly, steps limited to 0.66 of the bracket."""
    dcsrch = pytest.importorskip("scipy.optimize._dcsrch").DCSRCH
    random = np.random.default_rng(seed)
    height, frequency = random.normal(size=6), random.uniform(0.1, 10, 6)
    phase, curvature = random.uniform(0, 6.28, 6), 10 ** random.uniform(-4, 0)
    sign = -np.sign(height * frequency @ np.cos(phase))

    def loss(t: float) -> tuple[float, float]:
        angles = frequency * sign * t + phase
        slope = 2 * curvature * t + sign * (height * frequency @ np.cos(angles))
        return float(curvature * t**2 + height @ np.sin(angles)), float(slope)

    theirs: list[float] = []
    ours: list[float] = []
    first = 10 ** random.uniform(-3, 1.5)
    search = dcsrch(
        lambda t: (theirs.append(t), loss(t)[0])[1], lambda t: loss(t)[1], 1e-3, 0.9, 0.1, 0, 1e10
    )
    search(first, *loss(0.0), 20)
    line_search(lambda t: (ours.append(t), loss(t))[1], Point(0.0, *loss(0.0)), first)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_line_search_gives_up_at_a_loss_that_is_no_number() -> None:
    assert line_search(lambda _: (np.nan, np.nan), Point(0.0, 1.0, -1.0), 1.0) is None


@pytest.mark.parametrize("most", [1, 2, 7, 12])
@pytest.mark.parametrize(("function", "start"), STARTS)
def test_the_limit_of_evaluations_is_scipy_s(function: Function, start: Vector, most: int) -> None:
    options = {"maxfun": most, "gtol": 0}
    theirs = scipy.optimize.minimize(function, start, jac=True, method="L-BFGS-B", options=options)
    ours, count = Minimization(function, start, tolerance=0, max_evaluations=most), 0
    while "stop" not in ours.memory:
        ours.iterate()
        count += 1
    assert (count, ours.memory["evaluations"]) == (theirs.nit, theirs.nfev)
    assert ours.memory["evaluations"] == ours.evaluations

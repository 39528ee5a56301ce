"""Every compiled kernel of a function against the plain rule it stands for."""

from functools import wraps
from typing import Any

import numpy as np
import pytest
from compiled_backend import RACES, compiled_backend, on_threads
from function_cases import ALL, IDS, IN_PLACE, IN_PLACE_IDS, STEPS, Run, arrays, variants

from mlptrain.autodiff.function import Function, functions
from mlptrain.backend import compiled, kernels, products
from mlptrain.backend.call import Call
from mlptrain.backend.kernels import BOUND, KERNELS
from mlptrain.data import batches, targets
from mlptrain.functions.activations import ReLU
from mlptrain.functions.losses import CrossEntropy, Loss
from mlptrain.optim import clipping, updater
from mlptrain.optim.optimizers import optimizers
from mlptrain.sklearn.examples import sparse_rows
from mlptrain.sklearn.losses import LOSSES
from mlptrain.training import full_batch, step

BACKEND = compiled_backend()
LIMITS = {"batch": 70, "n": 300, "units": 200}  # of random sizes: parts, grains and what is left
SOME = [
    dict.fromkeys(LIMITS, 1),
    {"batch": 3, "n": 17, "units": 2},
    {"batch": 700, "n": 33, "units": 65},
    {"batch": 40, "n": 500, "units": 90},  # few rows: threads own columns
    {"batch": 3, "n": 20, "units": 9000},  # of which there are fewer than threads like to have
]


@pytest.fixture(autouse=True)
def _nan_in_new_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what a kernel reads but nothing has written shows."""
    for module in (kernels, products):
        monkeypatch.setattr(module, "empty", lambda shape, dtype: np.full(shape, np.nan, dtype))


def some_sizes(seed: int) -> dict[str, int]:
    random = np.random.default_rng(seed)
    return {name: int(random.integers(1, limit)) for name, limit in LIMITS.items()}


def inputs(
    name: str, sizes: dict[str, int], seed: int, real: type[np.floating] = np.float32
) -> dict[str, Any]:
    """As `arrays`; a loss is given class indices, as in training."""
    made = arrays(name, sizes, seed, real)
    if "targets" in made:
        random = np.random.default_rng(seed)
        made["targets"] = random.integers(0, sizes["n"], sizes["batch"])
    return made


def results(function: Function, made: dict[str, Any], backend: Any) -> list[Any]:
    """y and the gradients of a random sum of its entries, computed in buffers full of NaN."""
    run = Run(function, made, backend=backend)
    for buffer in run.plan.buffers:
        if buffer.dtype.kind == "f" and not any(buffer is x.value for x in run.xs.values()):
            buffer[...] = np.nan
    y = run.forward().copy()
    run.arena.gradients[...] = np.nan
    seed = np.random.default_rng(3).uniform(0.5, 1.5, y.shape)
    return [y] if not run.y.wants_gradient else [y, *run.gradients(seed).values()]


def assert_close(found: list[Any], wanted: list[Any]) -> None:
    """Equal but for rounding, in float32 or in float64."""
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        digit = 2e-6 if one.dtype == np.float32 else 4e-15
        scale = max(float(np.abs(other).max()), 1e-6)
        np.testing.assert_allclose(one, other, rtol=10 * digit, atol=digit * scale)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("threads", on_threads(1, 2, 5))
@pytest.mark.parametrize(("name", "number"), ALL, ids=IDS)
def test_kernels_compute_what_the_rules_do(
    name: str, number: int, threads: int, real: type[np.floating]
) -> None:
    function = variants(name)[number]
    BACKEND.use_threads(threads)
    for seed, sizes in enumerate([*SOME, *map(some_sizes, range(4))]):
        made = inputs(name, sizes, seed, real)
        assert_close(results(function, made, BACKEND), results(function, made, None))


@RACES
@pytest.mark.parametrize(("name", "number"), IN_PLACE, ids=IN_PLACE_IDS)
def test_kernels_work_in_place(name: str, number: int) -> None:
    """y where x lay, and the gradient of x where that of y lay: the same numbers."""
    function = variants(name)[number]
    BACKEND.use_threads(2)
    for seed, sizes in enumerate(SOME):
        x, g = arrays("add", sizes, seed, np.float32).values()
        part, apart = np.empty_like(x), np.empty_like(x)
        y, forward = x.copy(), {"x": x, "part": part}
        BACKEND.bind([Call(function.forward, y, {**forward, "x": y})])()
        BACKEND.bind([Call(function.forward, apart, forward)])()
        np.testing.assert_array_equal(y, apart)
        inner, backward = g.copy(), {"g": g, "y": y, "part": part}
        BACKEND.bind([Call(function.gradient_x, inner, {**backward, "g": inner})])()  # type: ignore[attr-defined]
        BACKEND.bind([Call(function.gradient_x, apart, backward)])()  # type: ignore[attr-defined]
        np.testing.assert_array_equal(inner, apart)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("threads", on_threads(1, 2, 5))
@pytest.mark.parametrize("loss", LOSSES)
def test_kernels_of_the_estimators_losses(
    loss: type[Loss], threads: int, real: type[np.floating]
) -> None:
    """No config names these losses. Targets are classes, as indices or as 0 and 1."""
    BACKEND.use_threads(threads)
    for seed, sizes in enumerate([*SOME, *map(some_sizes, range(4))]):
        made = inputs("cross_entropy", sizes, seed, real)
        made["x"] *= 30  # up to 75, where probabilities round to 0 and 1
        if not issubclass(loss, CrossEntropy):
            made["targets"] = (made["targets"][:, None] == np.arange(sizes["n"])).astype(real)
        assert_close(results(loss(), made, BACKEND), results(loss(), made, None))


ONE_INPUT = [case for case in ALL if len(functions[case[0]].inputs()) == 1]
HARD = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-30, -1e-30, 90, -90, 200, -200, 3e38, -3e38])


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "number"), ONE_INPUT)
def test_kernels_do_as_the_rules_at_the_edges(
    name: str, number: int, real: type[np.floating]
) -> None:
    """One hard number per row, so that softmax keeps them apart."""
    function = variants(name)[number]
    if function.stochastic:
        return
    hard = np.array([*HARD, 709.5, -709.5, 1000, -1000], real)
    x = np.zeros((len(hard), 24), real)
    x[:, 3] = hard
    made = {function.inputs()[0]: x}
    digit = 2e-5 if real == np.float32 else 2e-14
    for found, right in zip(
        results(function, made, BACKEND), results(function, made, None), strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=digit, atol=1e-30)


@pytest.mark.parametrize("name", [n for n in functions if issubclass(functions[n], Loss)])
def test_a_loss_of_nan_or_inf_is_seen(name: str) -> None:
    for bad in (np.nan, np.inf):
        made = inputs(name, {"batch": 20, "n": 40, "units": 1}, 0)
        made["x"][7, 39] = bad
        y, *_ = results(variants(name)[0], made, BACKEND)
        assert not np.isfinite(y)


@pytest.mark.parametrize("number", range(len(variants("cross_entropy"))))
def test_cross_entropy_of_logits_whose_exponentials_are_no_numbers(number: int) -> None:
    """Only differences of logits count: exp(1000) is Inf, and exp(-1000) is 0, in float32."""
    made = inputs("cross_entropy", {"batch": 20, "n": 40, "units": 1}, 0)
    function = variants("cross_entropy")[number]
    made["x"] = np.round(made["x"] * 64) / 64  # so that a shift rounds nothing
    wanted = results(function, made, BACKEND)
    for shift in (1024, -1024):
        shifted = {**made, "x": made["x"] + np.float32(shift)}
        for found, right in zip(results(function, shifted, BACKEND), wanted, strict=True):
            assert np.isfinite(right).all()
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-6)


def test_weights_of_zero_and_labels_beyond_the_classes() -> None:
    """Neither changes memory it should not: padded rows have weight 0."""
    made = inputs("cross_entropy", {"batch": 8, "n": 5, "units": 1}, 0)
    made["weights"][5:] = 0
    made["targets"][5:] = (1 << 40, -1, 5)
    function = variants("cross_entropy")[0]
    wanted = results(function, made, None)
    for found, right in zip(results(function, made, BACKEND), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=2e-5, atol=1e-7)


def test_exponential_and_tanh_to_a_few_units_in_the_last_place() -> None:
    for real, digits in ((np.float32, 4e-7), (np.float64, 8e-16)):
        x = np.linspace(-30, 30, 600_000, dtype=real)[:, None]
        wide = x.astype(np.longdouble)
        exact = {"tanh": np.tanh(wide), "sigmoid": 1 / (1 + np.exp(-wide))}
        for name, right in exact.items():
            y = Run(functions[name](), {"x": x}, backend=BACKEND).forward()
            assert float(np.abs(y / right - 1).max()) < digits, (name, real)


def test_every_kernel_stands_for_a_rule() -> None:
    rules = {clipping.clip_factor, clipping.scale, step.row, step.put, step.advance}
    rules |= {batches.scaled_rows, batches.take, targets.shares}
    rules |= {updater.add_penalty, full_batch.add_share, sparse_rows}
    for definition in (*functions.definitions(), *STEPS, *optimizers.definitions(), *LOSSES):
        for name in dir(definition):
            if name in ("forward", "update", "decay") or name.startswith("gradient_"):
                rules.add(getattr(definition, name))
    assert set(BOUND) <= rules
    assert set(BOUND.values()) == set(KERNELS)


def test_a_wrong_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KERNELS, "tanh", KERNELS["sigmoid"])
    with pytest.raises(AssertionError):
        test_kernels_compute_what_the_rules_do("tanh", 0, 1, np.float32)


def test_a_kernel_is_really_used(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    right = compiled.operations
    monkeypatch.setattr(compiled, "operations", lambda *of: used.append(right(*of)) or used[-1])
    for real in ("float32", "float64"):
        Run(functions["relu"](), {"x": np.ones((2, 2), real)}, backend=BACKEND).gradients()
        names = [[each.kernel for each in many] for many in used]
        assert names == [[f"relu_{real}"], [f"relu_gradient_{real}"]]
        used.clear()
    mixed = {"x": np.ones((2, 2), np.float32), "part": np.ones((2, 2))}
    BACKEND.bind([Call(functions["relu"]().forward, np.ones((2, 2)), mixed)])
    assert used == [[]]  # the plain rule


def kernels_of(function: Function, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The kernels that its rules get, which have to give what the rules give."""
    used = []
    right = compiled.operations
    made = inputs("cross_entropy" if isinstance(function, Loss) else "relu", SOME[1], 0)
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "operations", lambda *of: used.append(right(*of)) or used[-1])
        found = results(function, made, BACKEND)
    for one, other in zip(found, results(function, made, None), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)
    return [[each.kernel for each in many] for many in used]


def test_a_kernel_belongs_to_the_rule_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to its name: another ReLU has rules of its own. What is inherited stays compiled."""

    class One(Function):
        def forward(self, xp: Any, out: Any, x: Any) -> None:
            out[...] = 1

    One.forward.__qualname__ = ReLU.forward.__qualname__
    assert kernels_of(One(), monkeypatch) == [[]]

    class Heir(ReLU):
        pass

    assert kernels_of(Heir(), monkeypatch) == [["relu_float32"], ["relu_gradient_float32"]]

    class Shifted(ReLU):
        @wraps(ReLU.forward)
        def forward(self, xp: Any, out: Any, x: Any) -> None:
            xp.maximum(x, 0.25, out=out)

    assert kernels_of(Shifted(), monkeypatch) == [[], ["relu_gradient_float32"]]


def test_a_loss_that_changes_one_rule_has_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of the two rules share what they leave in work arrays, as the rules do."""

    class Halved(CrossEntropy):
        def gradient_x(self, xp: Any, out: Any, g: Any, p: Any, t: Any, weights: Any) -> None:
            super().gradient_x(xp, out, g, p, t, weights)
            xp.multiply(out, 0.5, out=out)

    class Faint(CrossEntropy):
        @wraps(CrossEntropy.forward)
        def forward(self, xp: Any, *arrays: Any, t: Any, **others: Any) -> None:
            super().forward(xp, *arrays, t=t, **others)
            xp.multiply(t, 0.5, out=t)

    for loss in (Halved(), Faint()):
        assert kernels_of(loss, monkeypatch) == [[], []]
    assert len(kernels_of(CrossEntropy(), monkeypatch)[0]) == 2

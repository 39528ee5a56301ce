"""Every compiled kernel of an optimizer against its plain rule."""

import numpy as np
import pytest
from compiled_backend import compiled_backend
from optimizer_cases import VARIANTS, every_variant
from stepping import Updates, clip

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.optim.optimizers import Adam, MiniBatchOptimizer
from mlptrain.optim.updater import Updater

BACKEND = compiled_backend()
SHAPES = {"w": (5, 4), "b": (13,)}, {"w": (301, 997), "b": (NumpyBackend.chunk + 5,)}


def after_steps(
    optimizer: MiniBatchOptimizer,
    backend: Backend,
    shapes: dict[str, tuple[int, ...]],
    real: type[np.floating],
) -> dict[str, np.ndarray]:
    """The parameters and the optimizer's state after five steps."""
    arena = Arena(shapes, real, backend)
    random = np.random.default_rng(0)
    arena.values[...] = random.normal(size=arena.values.size)
    updater = Updates(optimizer, arena)
    for _ in range(5):
        arena.gradients[...] = random.normal(size=arena.values.size)
        updater.update(0.01)
    return {"w": arena.values, **updater.state}


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shapes", SHAPES, ids=["small", "several chunks"])
@every_variant
def test_kernels_match_the_rules(
    optimizer: MiniBatchOptimizer,
    shapes: dict[str, tuple[int, ...]],
    threads: int,
    real: type[np.floating],
) -> None:
    BACKEND.use_threads(threads)
    wanted = after_steps(optimizer, NumpyBackend(), shapes, real)
    digit = 1e-6 if real == np.float32 else 4e-15
    for name, found in after_steps(optimizer, BACKEND, shapes, real).items():
        np.testing.assert_allclose(found, wanted[name], rtol=10 * digit, atol=digit, err_msg=name)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_penalty_matches_its_rule(threads: int, real: type[np.floating]) -> None:
    """Twice: the sums of the first step are no part of the second."""
    BACKEND.use_threads(threads)
    for shapes in SHAPES:
        losses = []
        for backend in (BACKEND, NumpyBackend()):
            arena = Arena(shapes, real, backend)
            arena.values[...] = np.random.default_rng(0).normal(size=arena.values.size)
            updater = Updater(Adam(), arena, penalized=True)
            updater.coefficients[...] = updater.row(1.0, 1, 0.3)
            loss = np.ones((), real)
            backend.bind(updater.penalty_calls(loss))(2)
            losses.append(float(loss))
        w = arena.value("w").astype(float)
        exact = 1 + 2 * 0.3 * (w * w).sum() / 2
        np.testing.assert_allclose(losses, exact, rtol=1e-5 if real == np.float32 else 1e-13)


def test_nan_in_a_gradient_reaches_only_its_parameter() -> None:
    for optimizer in VARIANTS:
        arena = Arena({"b": (40,)}, np.float32, BACKEND)
        updater = Updates(optimizer, arena)
        arena.gradients[...] = 1
        arena.gradients[17] = np.nan
        updater.update(0.01)
        assert np.flatnonzero(np.isnan(arena.values)).tolist() == [17], optimizer


@pytest.mark.parametrize(
    "size", [1, 63, 64, 65, NumpyBackend.chunk, NumpyBackend.chunk + 1, 5 * NumpyBackend.chunk + 77]
)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_clipping_matches_the_rules(size: int, threads: int) -> None:
    BACKEND.use_threads(threads)
    clipped = []
    for backend in (BACKEND, NumpyBackend()):
        arena = Arena({"b": (size,)}, np.float32, backend)
        arena.gradients[...] = np.random.default_rng(size).normal(size=size)
        clip(arena, 1e-3)
        clipped.append(arena.gradients.copy())
    np.testing.assert_allclose(clipped[0], clipped[1], rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_denormal_numbers_become_zero(threads: int) -> None:
    """They would stay denormal forever, and each costs as much as a hundred normal numbers."""
    BACKEND.use_threads(threads)
    arena = Arena({"b": (40_000,)}, np.float32, BACKEND)
    updater = Updates(Adam(), arena)
    for name in ("m", "v"):
        updater.state[name][...] = 1e-40
    updater.update(0.1)
    assert not updater.state["m"].any()
    assert not updater.state["v"].any()
    assert np.float32(1e-40) * np.float32(0.5) > 0  # denormals remain outside the kernels

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

BACKEND = compiled_backend()
SHAPES = {"w": (5, 4), "b": (13,)}, {"w": (301, 997), "b": (NumpyBackend.chunk + 5,)}


def after_steps(
    optimizer: MiniBatchOptimizer, backend: Backend, shapes: dict[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """The parameters and the optimizer's state after five steps."""
    arena = Arena(shapes, np.float32, backend)
    random = np.random.default_rng(0)
    arena.values[...] = random.normal(size=arena.values.size)
    updater = Updates(optimizer, arena)
    for _ in range(5):
        arena.gradients[...] = random.normal(size=arena.values.size)
        updater.update(0.01)
    return {"w": arena.values, **updater.state}


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shapes", SHAPES, ids=["small", "several chunks"])
@every_variant
def test_kernels_match_the_rules(
    optimizer: MiniBatchOptimizer, shapes: dict[str, tuple[int, ...]], threads: int
) -> None:
    BACKEND.use_threads(threads)
    wanted = after_steps(optimizer, NumpyBackend(), shapes)
    for name, found in after_steps(optimizer, BACKEND, shapes).items():
        np.testing.assert_allclose(found, wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


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

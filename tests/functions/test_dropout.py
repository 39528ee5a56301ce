"""Dropout by its statistics, and by what its masks depend on."""

from typing import Any

import numpy as np
import pytest
from function_cases import Run

from mlptrain.backend.choice import choose_backend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.dropout import Dropout

N = 200_000


def run(rate: float, seed: int = 0, dtype: Any = np.float32) -> Run:
    return Run(Dropout(rate=rate), {"x": np.ones((200, N // 200), dtype)}, seed)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_share_and_mean(rate: float, dtype: Any) -> None:
    y = run(rate, dtype=dtype).forward()
    dropped = float((y == 0).mean())
    assert abs(dropped - rate) < 5 * np.sqrt(rate * (1 - rate) / N)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    assert abs(y.mean(dtype=np.float64) - 1) < 5 * np.sqrt(rate / (1 - rate) / N)


def test_every_row_and_column_has_its_share() -> None:
    kept = run(0.5).forward() != 0
    for axis, count in ((0, 200), (1, 1000)):
        assert abs(kept.mean(axis=axis) - 0.5).max() < 6 * np.sqrt(0.25 / count)


def test_rate_zero_changes_nothing() -> None:
    np.testing.assert_array_equal(run(0.0).forward(), 1)


def test_each_step_draws_a_mask_of_its_own_and_the_same_one_again() -> None:
    one = run(0.5)
    first = one.forward().copy()
    one.step[0] = 1
    assert 0.45 < (first == one.forward()).mean() < 0.55  # independent halves
    one.step[0] = 0
    np.testing.assert_array_equal(one.forward(), first)


def test_the_same_seed_gives_the_same_masks() -> None:
    one, same, other = run(0.5, 3), run(0.5, 3), run(0.5, 4)
    for step in range(3):
        for each in (one, same, other):
            each.step[0] = step
        mask = one.forward()
        np.testing.assert_array_equal(mask, same.forward())
        assert not np.array_equal(mask, other.forward())


def test_the_gradient_goes_where_the_value_went() -> None:
    one = run(0.3)
    gradient = one.gradients(2.0)["x"]
    np.testing.assert_allclose(gradient, 2 * one.y.value)
    one.plan.backward(2.0)  # the backward pass draws nothing
    np.testing.assert_allclose(one.arena.gradient("x"), 2 * one.y.value)


def test_two_layers_of_one_net_draw_different_masks() -> None:
    random = NumpyBackend().random(0, 1, np.zeros(1, np.int64))
    masks = [np.empty(1000, np.float32) for _ in range(2)]
    for number, mask in enumerate(masks):
        random.numbered(number).uniform(mask)
    assert abs(np.corrcoef(masks)[0, 1]) < 0.2


@pytest.mark.parametrize("step", [0, 1, 2**40])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 8), (40, 333), (2, 9000)])
def test_every_backend_draws_the_same_mask(step: int, shape: tuple[int, int]) -> None:
    backend, masks = choose_backend(), []
    backend.use_threads(2)
    for each in (NumpyBackend(), backend):
        one = Run(Dropout(rate=0.3), {"x": np.ones(shape, np.float32)}, 2**63 - 1, each)
        one.step[0] = step
        masks.append(one.forward().copy())
    np.testing.assert_array_equal(*masks)

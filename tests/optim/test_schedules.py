"""Schedules: closed forms, warm-up, ends."""

import math
from itertools import pairwise

import pytest

from mlptrain.optim.schedules import Constant, Cosine, ReduceOnPlateau, schedules

STEPS_PER_EPOCH, EPOCHS = 10, 8
TOTAL = STEPS_PER_EPOCH * EPOCHS


def factors(schedule: Constant | Cosine) -> list[float]:
    return [schedule.factor_at(step, STEPS_PER_EPOCH, EPOCHS) for step in range(TOTAL)]


def test_constant() -> None:
    assert factors(Constant()) == [1.0] * TOTAL


def test_warm_up_is_linear_and_reaches_the_full_rate() -> None:
    wanted = [(step + 1) / 20 for step in range(20)]
    for schedule in (Constant(warmup_epochs=2), Cosine(warmup_epochs=2)):
        assert factors(schedule)[:20] == pytest.approx(wanted, rel=1e-15)
        assert factors(schedule)[19] == 1.0
        assert factors(schedule)[20] == 1.0
    assert factors(Constant(warmup_epochs=2))[20:] == [1.0] * 60


def test_warm_up_is_rounded_to_whole_steps() -> None:
    """0.29 · 100 is 28.999999999999996 in floating point."""
    made = [Constant(warmup_epochs=0.29).factor_at(step, 100, 1) for step in range(30)]
    assert made == [(step + 1) / 29 for step in range(29)] + [1.0]
    assert Constant(warmup_epochs=0.26).factor_at(0, 10, 1) == 1 / 3


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("warmup", [0.0, 1.5, 3.0])
def test_cosine(final: float, warmup: float) -> None:
    steps = round(warmup * STEPS_PER_EPOCH)
    made = factors(Cosine(final=final, warmup_epochs=warmup))
    for step in range(steps, TOTAL):
        progress = (step - steps) / (TOTAL - steps)
        wanted = final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))
        assert made[step] == pytest.approx(wanted, rel=1e-13)


def test_cosine_falls_from_the_full_rate_to_the_final_one() -> None:
    made = factors(Cosine(final=0.2))
    assert made[0] == 1.0
    assert made[TOTAL // 2] == pytest.approx(0.6)
    assert all(a > b for a, b in pairwise(made))
    assert 0.2 < made[-1] < 0.21
    assert Cosine(final=0.2).after_warmup(1.0) == 0.2


@pytest.mark.parametrize("name", list(schedules))
@pytest.mark.parametrize("warmup", [0.0, 0.04, 0.5, 8.0, 20.0])
def test_every_factor_is_between_zero_and_one(name: str, warmup: float) -> None:
    made = factors(schedules[name](warmup_epochs=warmup))
    assert all(0 < each <= 1 for each in made)
    ramp = min(round(warmup * STEPS_PER_EPOCH), TOTAL)
    assert all(a < b for a, b in pairwise(made[:ramp]))


def test_a_warm_up_longer_than_the_run_never_reaches_the_full_rate() -> None:
    made = factors(Cosine(warmup_epochs=16))
    assert made[-1] == 0.5


@pytest.mark.parametrize("name", list(schedules))
def test_a_run_of_one_step(name: str) -> None:
    assert schedules[name]().factor_at(0, 1, 1) == 1.0
    assert schedules[name](warmup_epochs=1).factor_at(0, 1, 1) == 1.0


def observed(schedule: ReduceOnPlateau, losses: list[float], name: str) -> list[float]:
    """The factor after each epoch, with these losses."""
    memory: dict[str, float] = {}
    factors = []
    for loss in losses:
        schedule.observe({"train_loss": 9.0, "val_loss": None, name: loss}, 1.0, memory)
        factors.append(memory.get("factor", 1.0))
    return factors


@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_plateau_lowers_the_rate(name: str) -> None:
    schedule = ReduceOnPlateau(factor=0.5, patience=2, min_delta=0.1)
    losses = [5, 4, 3.95, 3.9, 3.5, 3.45, 3.45, 3.45, 3.45, 1, 1, 1]
    wanted = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625]
    assert observed(schedule, losses, name) == wanted


def test_validation_decides_where_there_is_some() -> None:
    schedule, memory = ReduceOnPlateau(patience=1), dict[str, float]()
    for epoch in range(3):
        schedule.observe({"train_loss": 1.0 - epoch, "val_loss": 1.0}, 1.0, memory)
    assert memory["factor"] == pytest.approx(0.01)


def test_the_rate_does_not_fall_below_the_last_one() -> None:
    schedule = ReduceOnPlateau(factor=0.1, patience=1, final=0.05)
    assert observed(schedule, [1.0] * 4, "val_loss") == [1.0, 0.1, 0.05, 0.05]


@pytest.mark.parametrize("name", list(schedules))
def test_schedules_that_observe_nothing_remember_nothing(name: str) -> None:
    memory: dict[str, float] = {}
    schedules[name]().observe({"train_loss": 1.0, "val_loss": 1.0}, 1.0, memory)
    assert (name == "reduce_on_plateau") == bool(memory)

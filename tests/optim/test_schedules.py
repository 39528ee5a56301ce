"""Schedules: closed forms, warm-up, ends."""

import math
from itertools import pairwise
from typing import Any

import pytest

from mlptrain.optim.schedules import (
    Constant,
    Cosine,
    Extent,
    InverseScaling,
    ReduceOnPlateau,
    Schedule,
    schedules,
)

STEPS_PER_EPOCH, EPOCHS = 10, 8
TOTAL = STEPS_PER_EPOCH * EPOCHS
RUN = Extent(EPOCHS, STEPS_PER_EPOCH, examples=75)


def factors(schedule: Schedule) -> list[float]:
    return [schedule.factor_at(step, RUN) for step in range(TOTAL)]


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
    made = [Constant(warmup_epochs=0.29).factor_at(step, Extent(1, 100, 100)) for step in range(30)]
    assert made == [(step + 1) / 29 for step in range(29)] + [1.0]
    assert Constant(warmup_epochs=0.26).factor_at(0, Extent(1, 10, 10)) == 1 / 3


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
    assert schedules[name]().factor_at(0, Extent(1, 1, 1)) == 1.0
    assert schedules[name](warmup_epochs=1).factor_at(0, Extent(1, 1, 1)) == 1.0


@pytest.mark.parametrize("power_t", [0.5, 0.0, 1.5])
@pytest.mark.parametrize("warmup", [0, 2])
def test_invscaling_divides_by_a_power_of_the_examples_seen(power_t: float, warmup: int) -> None:
    """Those of whole epochs; the count starts after the warm-up."""
    made = factors(InverseScaling(power_t=power_t, warmup_epochs=warmup))
    rest = made[warmup * STEPS_PER_EPOCH :]
    assert rest == [
        pytest.approx((step // STEPS_PER_EPOCH * 75 + 1) ** -power_t, rel=1e-15)
        for step in range(len(rest))
    ]


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


CREEPING = [2.0, 1.875, 1.75, 1.5, 1.25, 1.375, 1.25]  # by 0.125 or 0.25


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("improvement", [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]),  # 0.25 is not above min_delta
        ("best", [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]),
    ],
)
def test_what_an_improvement_is_measured_from(kind: Any, wanted: list[float]) -> None:
    schedule = ReduceOnPlateau(factor=0.5, patience=2, min_delta=0.25, min_delta_from=kind)
    assert observed(schedule, CREEPING, "val_loss") == wanted


def test_it_can_watch_the_training_loss_where_there_is_validation() -> None:
    schedule = ReduceOnPlateau(factor=0.5, patience=1, monitor="train_loss")
    assert observed(schedule, [3.0, 2.0, 2.5], "train_loss") == [1.0, 1.0, 0.5]
    memory: dict[str, float] = {}
    for val_loss in (1.0, 2.0, 3.0):  # which gets worse
        schedule.observe({"train_loss": 9 - val_loss, "val_loss": val_loss}, 1.0, memory)
    assert "factor" not in memory


def test_it_ends_the_training_at_a_plateau_with_a_low_rate() -> None:
    """At 0.04 there is one more; 0.008 is low enough, so the next plateau is the end."""
    schedule, memory = ReduceOnPlateau(factor=0.2, patience=1, stop_at=0.01), dict[str, float]()
    ends = []
    for _ in range(5):
        schedule.observe({"train_loss": 1.0, "val_loss": None}, 1.0, memory)
        ends.append((round(memory.get("factor", 1.0), 6), bool(memory.get("stop"))))
    assert ends == [(1, False), (0.2, False), (0.04, False), (0.008, False), (0.008, True)]


@pytest.mark.parametrize("name", list(schedules))
def test_schedules_that_observe_nothing_remember_nothing(name: str) -> None:
    memory: dict[str, float] = {}
    schedules[name]().observe({"train_loss": 1.0, "val_loss": 1.0}, 1.0, memory)
    assert (name == "reduce_on_plateau") == bool(memory)

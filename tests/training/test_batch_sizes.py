"""Batch sizes by name, and the order of the examples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import N, interrupted, opened, require_same, settings, train, write_data

from mlptrain.training.events import StepsDone
from mlptrain.training.signals import StopRequest
from mlptrain.training.step import MOST_EXAMPLES, MOST_STEPS, Step


@pytest.fixture(autouse=True)
def data(tmp_path: Path) -> None:
    write_data(tmp_path)


@pytest.mark.parametrize(
    ("size", "used", "steps"), [("full", N, 1), ("auto", N, 1), (1000, N, 1), (8, 8, 3)]
)
def test_a_batch_has_at_most_all_examples(
    tmp_path: Path, size: str | int, used: int, steps: int
) -> None:
    run = train(tmp_path, settings(batch_size=size))
    assert run.trainer.descent.examples_per_update == used
    assert run.progress.step == 3 * steps


def test_auto_is_at_most_200(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "train.npz", x=random.normal(size=(201, 4)), y=np.arange(201) % 3)
    run = train(tmp_path, settings(batch_size="auto", epochs=1))
    assert run.trainer.descent.examples_per_update == 200
    assert run.progress.step == 2


def test_full_takes_the_gradient_of_the_mean_loss_of_all(tmp_path: Path) -> None:
    """A step of plain gradient descent on all examples, in whatever order, is the same step."""
    sgd = {"type": "sgd", "learning_rate": 0.5}
    first, second = (
        train(tmp_path, settings(batch_size="full", shuffle=each, optimizer=sgd), str(each))
        for each in (True, False)
    )
    a, b = (each.model.arena.values for each in (first, second))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def orders(folder: Path, monkeypatch: pytest.MonkeyPatch, **training: Any) -> list[list[int]]:
    """The examples of each epoch in the order they were learned from."""
    seen: list[int] = []
    run = Step.run

    def noting(self: Step, examples: Any, coefficients: Any) -> Any:
        seen.extend(examples.reshape(-1).tolist())
        return run(self, examples, coefficients)

    monkeypatch.setattr(Step, "run", noting)
    train(folder, settings(**training))
    return [seen[first : first + N] for first in range(0, len(seen), N)]


def test_without_shuffling_every_epoch_has_the_order_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert orders(tmp_path, monkeypatch, shuffle=False) == [list(range(N))] * 3


def test_with_shuffling_every_epoch_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = orders(tmp_path, monkeypatch)
    assert all(sorted(order) == list(range(N)) for order in made)
    assert len({tuple(order) for order in made}) == 3


@pytest.mark.parametrize("changes", [{"shuffle": False}, {"batch_size": "full"}])
def test_resuming_is_exact(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = settings(**changes)
    train(tmp_path, config, "whole")
    interrupted(tmp_path, config, "parts", after=1)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "whole", "parts")


def test_a_large_batch_makes_few_steps_per_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the list of their examples stays small."""
    monkeypatch.setattr("mlptrain.training.descent.CALL_SECONDS", 1e9)
    monkeypatch.setattr("mlptrain.training.step.MOST_EXAMPLES", 10)
    with opened(tmp_path, settings(batch_size=5, epochs=1)) as run:
        steps = [each.step for each in run.train(StopRequest()) if isinstance(each, StepsDone)]
    assert steps == [1, 3, 4, 5]
    assert MOST_EXAMPLES // 32 > MOST_STEPS

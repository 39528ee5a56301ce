"""Gates on outcomes of every kind, without a model."""

from typing import Any

import numpy as np
import pytest

from mlptrain.cli.gates import check_names, parse_gates, require_passed
from mlptrain.errors import GateMissedError, UsageError
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.numbers import NumberOutcome, PictureOutcome

ODD = ("a", "a.b", ".", "x=1", "a b.c=d", "two\nlines", "")


def classified(names: tuple[str, ...], counts: list[list[int]]) -> ClassOutcome:
    """A confusion matrix as an outcome."""
    outcome = ClassOutcome(names, keep_scores=True)
    for true, row in enumerate(counts):
        for predicted, count in enumerate(row):
            outcome.add(np.eye(len(names))[[predicted] * count], np.full(count, true))
    return outcome


def check(outcome: Any, *, minima: tuple[str, ...] = (), maxima: tuple[str, ...] = ()) -> None:
    gates = parse_gates(minima, maxima)
    check_names(gates, type(outcome), outcome.names)
    require_passed([gate.judge(outcome) for gate in gates])


def test_the_boundary_passes_on_both_sides() -> None:
    outcome = classified(("a", "b"), [[19, 1], [0, 20]])
    check(outcome, minima=("recall.a=0.95", "recall.b=1", "accuracy=0.975"))
    with pytest.raises(GateMissedError, match=r"^gate missed: recall.a 0.95 is below 0.9500001$"):
        check(outcome, minima=("recall.a=0.9500001", "recall.b=1"))
    wrong = NumberOutcome(["y"])
    wrong.add(np.array([[0.0], [1.0]]), np.array([[0.5], [0.5]]))
    check(wrong, maxima=("mae=0.5", "mse.y=0.25"))
    with pytest.raises(GateMissedError, match=r"^gate missed: mse.y 0.25 is above 0.2499$"):
        check(wrong, maxima=("mae=0.5", "mse.y=0.2499"))


@pytest.mark.parametrize("tenths", [(7, 8, 9), (1, 2, 3), (6, 7, 8), (8, 9, 10), (3, 5, 10)])
def test_a_mean_that_rounding_leaves_short_passes(tenths: tuple[int, ...]) -> None:
    counts = [[0, 0, 0] for _ in tenths]
    for index, right in enumerate(tenths):
        counts[index][index], counts[index][index - 1] = right, 10 - right
    check(classified(("a", "b", "c"), counts), minima=(f"macro_recall={sum(tenths) / 30}",))


@pytest.mark.parametrize(
    ("right", "of", "shown"),
    [(949, 1000, "0.949"), (949_999, 10**6, "0.949999"), (9_499_999, 10**7, "0.9499999")],
)
def test_a_value_is_never_shown_as_its_limit(right: int, of: int, shown: str) -> None:
    outcome = classified(("a", "b"), [[1, 1], [0, 0]])
    outcome.confusion[0], outcome.examples = (right, of - right), of
    with pytest.raises(GateMissedError, match=rf"^gate missed: accuracy {shown} is below 0\.95$"):
        check(outcome, minima=("accuracy=0.95",))


@pytest.mark.parametrize("index", range(len(ODD)))
def test_a_class_may_be_called_anything(index: int) -> None:
    """Only its examples are all right."""
    counts = np.roll(np.eye(len(ODD), dtype=int), 1, axis=1)
    counts[index] = 2 * np.eye(len(ODD), dtype=int)[index]
    outcome = classified(ODD, counts.tolist())
    for other, name in enumerate(ODD):
        gates = parse_gates([f"recall.{name}=1"], [])
        if other == index:
            require_passed([gate.judge(outcome) for gate in gates])
        else:
            with pytest.raises(GateMissedError) as error:
                require_passed([gate.judge(outcome) for gate in gates])
            assert str(error.value).isprintable()


def test_a_forgotten_value_is_noticed() -> None:
    outcome = classified(("dog=1", "a b.c=d"), [[1, 0], [0, 1]])
    with pytest.raises(UsageError, match=r"no class 'dog'; did you mean 'dog=1'\?"):
        check(outcome, minima=("recall.dog=1",))
    with pytest.raises(UsageError, match=r"--min recall.a b.c=d: is no gate\."):
        check(outcome, minima=("recall.a b.c=d",))


def test_all_that_are_missed_are_named() -> None:
    outcome = classified(("a", "b"), [[1, 1], [1, 1]])
    with pytest.raises(GateMissedError) as error:
        check(
            outcome,
            minima=("accuracy=0.75", "cohen_kappa=-1", "recall.b=0.6"),
            maxima=("brier=0.1",),
        )
    assert str(error.value) == (
        "gate missed: accuracy 0.5 is below 0.75; recall.b 0.5 is below 0.6; brier 0.5 is above 0.1"
    )


def test_infinite_is_more_than_any_minimum() -> None:
    perfect = PictureOutcome()
    perfect.add(np.ones((2, 4)), np.ones((2, 4)))
    check(perfect, minima=("psnr=1000",), maxima=("mse=0",))


def test_a_metric_of_another_task_is_refused() -> None:
    outcome = classified(("a", "b"), [[1, 1], [1, 1]])
    with pytest.raises(UsageError, match=r"^--max mae=1: there is no metric 'mae' for classifica"):
        check(outcome, maxima=("mae=1",))

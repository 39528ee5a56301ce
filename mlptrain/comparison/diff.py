"""Two trained models beside each other: their configs, their metrics and single predictions."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.comparison.baseline import evaluate_other
from mlptrain.comparison.compare import Comparison
from mlptrain.comparison.measured import Measured
from mlptrain.comparison.settings import Settings, differing, settings_of
from mlptrain.text import exact, shorter
from mlptrain.training.datasets import Reading
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_model
from mlptrain.training.example_results import ExampleBatch
from mlptrain.training.trained_model import TrainedModel


class Said(NamedTuple):
    """What is true of an example and what is predicted: as text, and as values that JSON has."""

    truth: str
    answer: str
    true: Any
    predicted: Any


class Pair(NamedTuple):
    """One example: its path, what the two models predict, and how wrong they are."""

    path: str
    a: "Said"
    b: "Said"
    errors: tuple[float, float]

    def record(self, *, by_error: bool) -> dict[str, Any]:
        """As values that JSON has: predictions, or errors, under `a` and `b`."""
        path = {"path": exact(shorter(self.path))}
        if by_error:
            return path | dict(zip("ab", self.errors, strict=True))
        return path | {"true": self.a.true, "a": self.a.predicted, "b": self.b.predicted}


@dataclass(frozen=True)
class Difference:
    """The models `a` and `b` on the same examples.

    Attributes:
        settings: the configs of both, by key.
        keys: where they differ.
        lost, gained: the examples that only `a`, or only `b`, has right, the worst first; for a
            task without right and wrong, those whose error grew, or shrank, the most first.
    """

    a: EvaluatedModel
    b: EvaluatedModel
    comparison: Comparison
    settings: tuple[Settings, Settings]
    keys: list[str]
    lost: list[Pair]
    gained: list[Pair]

    @property
    def record(self) -> dict[str, Any]:
        """As values that JSON has."""
        by_error = bool(self.b.task.error_name)
        first, second = self.settings
        names = ("error_grew", "error_shrank") if by_error else ("right_to_wrong", "wrong_to_right")
        pairs = zip(names, (self.lost, self.gained), strict=True)
        return {
            "a": self.comparison.before.model,
            "b": self.comparison.after.model,
            "data": exact(self.b.data),
            "examples": len(self.b.dataset),
            "settings": [
                {"key": key, "a": first.get(key), "b": second.get(key)} for key in self.keys
            ],
            "metrics": [each.record for each in self.comparison.metrics],
            "mcnemar_p": self.comparison.p_value,
            **{name: [each.record(by_error=by_error) for each in found] for name, found in pairs},
        }


def difference(
    a: TrainedModel, b: TrainedModel, split: str | None, data: str | None, reading: Reading
) -> Difference:
    """What differs from `a` to `b`, on the examples of b's `split` or on `data`."""
    of_a, of_b = _Listener(), _Listener()
    second = evaluate_model(b, split, data, reading, of_b)
    first = evaluate_other(a, second, reading, of_a)
    comparison = Comparison(Measured.of(first), Measured.of(second))
    errors = np.stack([first.judged.errors, second.judged.errors], axis=1)
    growth = errors[:, 1] - errors[:, 0]
    lost, gained = comparison.flips or (np.flatnonzero(growth > 0), np.flatnonzero(growth < 0))
    if comparison.flips:
        worst_lost, worst_gained = errors[lost, 1], errors[gained, 0]
    else:
        worst_lost, worst_gained = growth[lost], -growth[gained]

    def pairs(indices: NDArray[np.int64], worst: NDArray[np.float64]) -> list[Pair]:
        ordered = indices[np.argsort(-worst, kind="stable")].tolist()
        return [
            Pair(
                second.dataset.path(i),
                of_a.said[i],
                of_b.said[i],
                (float(errors[i, 0]), float(errors[i, 1])),
            )
            for i in ordered
        ]

    settings = tuple(settings_of(model.state.config.model_dump(mode="json")) for model in (a, b))
    return Difference(
        first,
        second,
        comparison,
        (settings[0], settings[1]),
        differing(settings),
        pairs(lost, worst_lost),
        pairs(gained, worst_gained),
    )


class _Listener:
    """A visitor that notes what is said of every example."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    def __call__(self, batch: ExampleBatch) -> None:
        for each in batch.results():
            key, true = next(iter(each.truth.record.items()), ("", None))
            truth, answer = " ".join(each.truth.cells), " ".join(each.answer.cells)
            self.said.append(Said(truth, answer, true, each.answer.record.get(key)))

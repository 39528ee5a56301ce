"""Outcomes to measure, and how two numbers are compared."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.labels import LabelOutcome
from mlptrain.tasks.outcomes.outcome import Outcome


def agree(found: float, expected: float, what: object = "") -> None:
    """Equal but for rounding; NaN is equal to NaN."""
    if math.isnan(expected) or math.isnan(found):
        assert math.isnan(found) == math.isnan(expected), (what, found, expected)
    else:
        assert abs(found - expected) <= 1e-12 * max(1.0, abs(expected)), (what, found, expected)


def quiet(measure: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What scikit-learn says, without its warnings about degenerate cases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure(*arguments, **options)


def filled(outcome: Any, outputs: NDArray[Any], targets: NDArray[Any], size: int = 7) -> Any:
    """`outcome` with these examples, in batches whose memory is used again."""
    assert isinstance(outcome, Outcome)
    outputs_buffer, targets_buffer = outputs[:size].copy(), targets[:size].copy()
    for first in range(0, len(outputs), size):
        m = len(outputs[first : first + size])
        outputs_buffer[:m], targets_buffer[:m] = outputs[first:][:m], targets[first:][:m]
        outcome.add(outputs_buffer[:m], targets_buffer[:m])
    outputs_buffer[...], targets_buffer[...] = 0, 0
    return outcome


class ClassCase(NamedTuple):
    """n examples of classification: their classes (n,) and probabilities (n, classes)."""

    name: str
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def classes(self) -> int:
        return self.scores.shape[1]

    @property
    def predicted(self) -> NDArray[np.int64]:
        return self.scores.argmax(axis=1)

    def outcome(self, *, keep_scores: bool = True) -> ClassOutcome:
        names = [f"c{index}" for index in range(self.classes)]
        outcome = ClassOutcome(names, keep_scores=keep_scores)
        return filled(outcome, self.scores, self.labels)


def random_case(seed: int, n: int, classes: int, *, ties: bool = False) -> ClassCase:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    raw = random.gamma(1.0, size=(n, classes))
    raw[np.arange(n), labels] += random.random(n)
    if ties:
        raw = np.ceil(2 * raw)
    return ClassCase(
        f"{n}×{classes}{' ties' if ties else ''}", labels, raw / raw.sum(axis=1, keepdims=True)
    )


def without_class(case: ClassCase, index: int, *, predicted: bool) -> ClassCase:
    """No example is of class `index`; or none is predicted as it."""
    labels, scores = case.labels.copy(), case.scores.copy()
    if predicted:
        scores[:, index] = 0
        scores /= scores.sum(axis=1, keepdims=True)
        return ClassCase(f"{case.name} {index} never predicted", labels, scores)
    labels[labels == index] = (index + 1) % case.classes
    return ClassCase(f"{case.name} no {index}", labels, scores)


def class_cases() -> Iterator[ClassCase]:
    sizes = [(1, 2), (1, 5), (2, 2), (3, 3), (20, 2), (200, 10), (500, 4)]
    for seed, (n, classes) in enumerate(sizes):
        for ties in (False, True):
            yield random_case(seed, n, classes, ties=ties)
    for classes in (2, 4):
        case = random_case(classes, 40, classes, ties=True)
        for index in {0, classes - 1}:
            yield without_class(case, index, predicted=False)
            yield without_class(case, index, predicted=True)
        perfect = np.eye(classes)[case.labels]
        yield ClassCase(f"perfect, {classes}", case.labels, perfect)
        yield ClassCase(f"all wrong, {classes}", case.labels, np.roll(perfect, 1, axis=1))
        same = np.full_like(case.scores, 1 / classes)
        yield ClassCase(f"all scores equal, {classes}", case.labels, same)
        for index in {0, classes - 1}:
            one = np.full_like(case.labels, index)
            yield ClassCase(f"only {index} of {classes}", one, case.scores)
            yield ClassCase(f"only {index} of {classes}, perfect", one, np.eye(classes)[one])
            yield ClassCase(
                f"all predicted {index} of {classes}", case.labels, np.eye(classes)[one]
            )
            wrong = np.eye(classes)[np.full_like(one, (index + 1) % classes)]
            yield ClassCase(f"only {index} of {classes}, all wrong", one, wrong)


class LabelCase(NamedTuple):
    """n examples of multi-label classification: truth and probabilities (n, labels)."""

    name: str
    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]

    def outcome(self, *, keep_scores: bool = True) -> LabelOutcome:
        names = [f"l{index}" for index in range(self.scores.shape[1])]
        outcome = LabelOutcome(names, keep_scores=keep_scores)
        return filled(outcome, self.scores, self.truth.astype(np.float32))


def label_cases() -> Iterator[LabelCase]:
    for seed, (n, labels) in enumerate([(1, 1), (1, 4), (30, 1), (100, 5)]):
        random = np.random.default_rng(seed)
        truth = random.random((n, labels)) < random.random(labels)
        scores = np.clip(0.3 * truth + 0.7 * random.random((n, labels)), 0, 1)
        yield LabelCase(f"{n}×{labels}", truth, scores)
        yield LabelCase(f"{n}×{labels} ties", truth, scores.round(1))
        yield LabelCase(f"{n}×{labels} perfect", truth, truth.astype(np.float64))
        yield LabelCase(f"{n}×{labels} all wrong", truth, 1.0 - truth)
        yield LabelCase(f"{n}×{labels} none predicted", truth, scores / 2)
        yield LabelCase(f"{n}×{labels} all predicted", truth, scores / 2 + 0.51)
        yield LabelCase(f"{n}×{labels} none true", np.zeros_like(truth), scores)
        yield LabelCase(f"{n}×{labels} all true", np.ones_like(truth), scores)
        partly = truth.copy()
        partly[:, 0] = False
        yield LabelCase(f"{n}×{labels} one never true", partly, scores)
        always = truth.copy()
        always[:, 0] = True
        yield LabelCase(f"{n}×{labels} one always true", always, scores)

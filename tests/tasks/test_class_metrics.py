"""Metrics of classification, against scikit-learn's and, where it has none, the definition."""

import math

import numpy as np
import pytest
from metric_cases import ClassCase, agree, class_cases, quiet
from sklearn import metrics as theirs

from mlptrain.tasks.metrics.measure import columns_for, metrics_for, value_of

CASES = list(class_cases())
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@EACH
def test_the_decisions_are_judged_as_by_scikit_learn(case: ClassCase) -> None:
    found, true, predicted = metrics_for(case.outcome()), case.labels, case.predicted
    agree(found["accuracy"], theirs.accuracy_score(true, predicted))
    agree(found["balanced_accuracy"], quiet(theirs.balanced_accuracy_score, true, predicted))
    agree(found["matthews"], quiet(theirs.matthews_corrcoef, true, predicted))
    agree(found["cohen_kappa"], quiet(theirs.cohen_kappa_score, true, predicted))


@EACH
def test_precision_recall_and_f1_are_scikit_learn_s(case: ClassCase) -> None:
    """Macro means are over the classes that have examples: its `labels`. Asked for by name, the
    value of a class without any is undefined, where scikit-learn warns and says 0."""
    outcome, everything = case.outcome(keep_scores=False), range(case.classes)
    found, columns = metrics_for(outcome), columns_for(outcome)

    def measured(labels: object, average: str | None) -> object:
        return theirs.precision_recall_fscore_support(
            case.labels, case.predicted, labels=labels, average=average, zero_division=0
        )

    *expected, support = measured(everything, None)
    assert outcome.support.tolist() == support.tolist()
    macro = measured(np.unique(case.labels), "macro")
    micro, weighted = measured(everything, "micro"), measured(everything, "weighted")
    for index, name in enumerate(("precision", "recall", "f1")):
        for part, value in enumerate(expected[index]):
            agree(columns[name][part], value, name)
            named = value if support[part] else math.nan
            agree(value_of(f"{name}.c{part}", outcome), named, name)
        agree(found[f"macro_{name}"], macro[index], name)
        agree(found[f"micro_{name}"], micro[index], name)
        agree(found[f"weighted_{name}"], weighted[index], name)


@EACH
def test_the_areas_of_each_class_are_scikit_learn_s(case: ClassCase) -> None:
    columns, support = columns_for(case.outcome()), np.bincount(case.labels, None, case.classes)
    for index in range(case.classes):
        truth, scores = case.labels == index, case.scores[:, index]
        roc = quiet(theirs.roc_auc_score, truth, scores)  # NaN where all or none are of the class
        agree(columns["roc_auc"][index], roc)
        precision = theirs.average_precision_score(truth, scores) if support[index] else math.nan
        agree(columns["average_precision"][index], precision)


@EACH
def test_the_means_of_the_areas_are_scikit_learn_s(case: ClassCase) -> None:
    """It refuses classes without examples: here they are left out of truth and scores."""
    found, present = metrics_for(case.outcome()), np.unique(case.labels)
    truth = case.labels[:, None] == np.arange(case.classes)
    for name, measure in (
        ("roc_auc", theirs.roc_auc_score),
        ("average_precision", theirs.average_precision_score),
    ):
        for mean in ("macro", "weighted"):
            if len(present) > 1 or name == "average_precision":
                expected = measure(truth[:, present], case.scores[:, present], average=mean)
                agree(found[f"{mean}_{name}"], expected, mean)
            else:
                assert math.isnan(found[f"{mean}_{name}"])
        agree(found[f"micro_{name}"], measure(truth.ravel(), case.scores.ravel()), name)
        if case.classes > 2:
            agree(found[name], found[f"macro_{name}"])
        elif 1 in present:
            agree(found[name], quiet(measure, case.labels == 1, case.scores[:, 1]))
        else:
            assert math.isnan(found[name])


@EACH
def test_multi_class_areas_are_those_of_one_against_the_rest(case: ClassCase) -> None:
    if case.classes == 2 or len(np.unique(case.labels)) < case.classes:
        return
    found = metrics_for(case.outcome())
    for mean in ("macro", "micro", "weighted"):
        expected = theirs.roc_auc_score(case.labels, case.scores, multi_class="ovr", average=mean)
        agree(found[f"{mean}_roc_auc"], expected)


@EACH
def test_the_probabilities_are_judged_as_by_scikit_learn(case: ClassCase) -> None:
    found, everything = metrics_for(case.outcome()), range(case.classes)
    agree(found["log_loss"], theirs.log_loss(case.labels, case.scores, labels=everything))
    scores = case.scores[:, 1] if case.classes == 2 else case.scores
    agree(found["brier"], theirs.brier_score_loss(case.labels, scores, labels=[*everything]))


@EACH
def test_top_k_accuracy_is_scikit_learn_s(case: ClassCase) -> None:
    """Of equals it takes the last class first, so it is asked with the classes reversed. It has no
    two columns for two classes."""
    outcome, everything = case.outcome(), [*range(case.classes)]
    assert value_of("top_1_accuracy", outcome) == value_of("accuracy", outcome)
    labels, scores = case.classes - 1 - case.labels, case.scores[:, ::-1]
    for k in (1, 2, 3, 5, 100):
        found = value_of(f"top_{k}_accuracy", outcome)
        if case.classes > 2:
            expected = quiet(theirs.top_k_accuracy_score, labels, scores, k=k, labels=everything)
            agree(found, expected)
        elif k >= 2:
            assert found == 1


@EACH
def test_calibration_error_by_its_definition(case: ClassCase) -> None:
    confidence, right = case.scores.max(axis=1), case.predicted == case.labels
    expected, counted = 0.0, 0
    for m in range(1, 16):
        inside = (confidence > (m - 1) / 15) & (confidence <= m / 15)
        counted += inside.sum()
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.sum() / len(inside) * gap
    assert counted == len(confidence)
    agree(metrics_for(case.outcome())["expected_calibration_error"], expected)


def test_calibration_error_by_hand() -> None:
    """Confidence 0.6, and 3 of 4 right; 0.9, and 1 of 2 right."""
    scores = np.array([[0.6, 0.4]] * 4 + [[0.1, 0.9]] * 2)
    case = ClassCase("", np.array([0, 0, 0, 1, 1, 0]), scores)
    expected = 4 / 6 * (0.75 - 0.6) + 2 / 6 * (0.9 - 0.5)
    agree(metrics_for(case.outcome())["expected_calibration_error"], expected)


def test_float32_scores_are_measured_in_float64() -> None:
    """But for the clipping of log_loss, which is that of float32, as in scikit-learn."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 1000)
    scores = random.dirichlet(np.full(4, 0.02), 1000).astype(np.float32)
    assert (scores[np.arange(1000), labels] == 0).any()
    found = metrics_for(ClassCase("", labels, scores).outcome())
    assert found["log_loss"] == pytest.approx(theirs.log_loss(labels, scores), rel=1e-5)
    agree(found["brier"], quiet(theirs.brier_score_loss, labels, scores.astype(np.float64)))


def test_certainty_costs_what_float32_can_tell() -> None:
    labels = np.arange(3)
    found = metrics_for(ClassCase("", labels, np.eye(3, dtype=np.float32)).outcome())["log_loss"]
    assert found == pytest.approx(-math.log1p(-np.finfo(np.float32).eps), rel=1e-6)


def test_what_is_undefined_is_nan() -> None:
    case = ClassCase("", np.zeros(3, np.int64), np.eye(3)[[0, 0, 0]])
    found = metrics_for(case.outcome())
    assert {name for name, value in found.items() if math.isnan(value)} == {
        "loss", "cohen_kappa", "roc_auc", "macro_roc_auc", "weighted_roc_auc"
    }  # fmt: skip
    assert (found["matthews"], found["average_precision"], found["accuracy"]) == (0, 1, 1)

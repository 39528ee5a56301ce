"""Metrics of multi-label classification, against scikit-learn's."""

import math

import numpy as np
import pytest
from metric_cases import LabelCase, agree, label_cases, quiet
from sklearn import metrics as theirs

from mlptrain.tasks.metrics.measure import columns_for, metrics_for

EACH = pytest.mark.parametrize("case", list(label_cases()), ids=lambda case: case.name)


@EACH
def test_the_decisions_are_judged_as_by_scikit_learn(case: LabelCase) -> None:
    outcome = case.outcome(keep_scores=False)
    found, columns, predicted = metrics_for(outcome), columns_for(outcome), case.scores > 0.5
    right = (predicted == case.truth).all(axis=1)
    agree(found["subset_accuracy"], right.mean())
    agree(found["hamming_loss"], (predicted != case.truth).mean())
    if case.truth.shape[1] > 1:  # of a single column scikit-learn takes the mean over its values
        agree(found["subset_accuracy"], theirs.accuracy_score(case.truth, predicted))
        agree(found["hamming_loss"], theirs.hamming_loss(case.truth, predicted))
    present = np.flatnonzero(case.truth.any(axis=0))
    for name, measure in (
        ("precision", theirs.precision_score),
        ("recall", theirs.recall_score),
        ("f1", theirs.f1_score),
    ):
        for index, value in enumerate(columns[name]):
            expected = measure(case.truth[:, index], predicted[:, index], zero_division=0)
            agree(value, expected, name)
        if not len(present):
            assert all(
                math.isnan(found[f"{mean}_{name}"]) for mean in ("macro", "micro", "weighted")
            )
            continue
        truth, chosen = case.truth[:, present].astype(int), predicted[:, present].astype(int)
        columns_of = [
            measure(*pair, zero_division=0) for pair in zip(truth.T, chosen.T, strict=True)
        ]
        agree(found[f"macro_{name}"], np.mean(columns_of), name)
        agree(found[f"weighted_{name}"], np.average(columns_of, weights=truth.sum(axis=0)), name)
        pooled = measure(case.truth.ravel(), predicted.ravel(), zero_division=0)
        agree(found[f"micro_{name}"], pooled, name)
        if case.truth.shape[1] > 1:
            every = case.truth.astype(int), predicted.astype(int)
            for mean in ("micro", "weighted"):
                expected = measure(*every, average=mean, zero_division=0)
                agree(found[f"{mean}_{name}"], expected, name)
            if len(present) == case.truth.shape[1]:
                expected = measure(*every, average="macro", zero_division=0)
                agree(found[f"macro_{name}"], expected, name)


@EACH
def test_the_areas_are_scikit_learn_s(case: LabelCase) -> None:
    outcome = case.outcome()
    found, columns = metrics_for(outcome), columns_for(outcome)
    defined = case.truth.any(axis=0) & ~case.truth.all(axis=0)
    for index in range(len(defined)):
        pair = case.truth[:, index], case.scores[:, index]
        agree(columns["roc_auc"][index], quiet(theirs.roc_auc_score, *pair))
        expected = theirs.average_precision_score(*pair) if pair[0].any() else math.nan
        agree(columns["average_precision"][index], expected)
    agree(found["roc_auc"], found["macro_roc_auc"])
    for mean in ("macro", "weighted"):
        if not defined.any():
            assert math.isnan(found[f"{mean}_roc_auc"])
        elif defined.sum() > 1:
            pair = case.truth[:, defined], case.scores[:, defined]
            agree(found[f"{mean}_roc_auc"], theirs.roc_auc_score(*pair, average=mean))
    if defined.all() and len(defined) > 1:
        for mean in ("micro", "macro", "weighted"):
            pair = case.truth, case.scores
            agree(found[f"{mean}_roc_auc"], theirs.roc_auc_score(*pair, average=mean))
            expected = theirs.average_precision_score(*pair, average=mean)
            agree(found[f"{mean}_average_precision"], expected)


def test_a_probability_of_a_half_is_no() -> None:
    case = LabelCase("", np.array([[True, True]]), np.array([[0.5, 0.500001]]))
    assert case.outcome().predicted.tolist() == [0, 1]

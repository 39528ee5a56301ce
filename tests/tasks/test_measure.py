"""Names of metrics: what they stand for, which there are, and what is said of others."""

import math
import re
from typing import ClassVar, Literal

import numpy as np
import pytest
from metric_cases import LabelCase, filled, random_case
from numpy.typing import NDArray

from mlptrain.tasks.metrics.measure import (
    columns_for,
    higher_is_better,
    metric_names,
    metrics_for,
    resolve,
    value_of,
)
from mlptrain.tasks.metrics.metric import ClassMetric, Kinds, Metric, metrics, ratio
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.decisions import Decisions
from mlptrain.tasks.outcomes.labels import LabelOutcome
from mlptrain.tasks.outcomes.masks import MaskOutcome
from mlptrain.tasks.outcomes.numbers import NumberOutcome, PictureOutcome
from mlptrain.tasks.outcomes.outcome import Outcome

KINDS = {
    ClassOutcome: {"accuracy", "loss", "macro_f1", "micro_recall", "weighted_precision", "brier",
                   "roc_auc", "macro_roc_auc", "top_5_accuracy", "log_loss", "cohen_kappa"},
    LabelOutcome: {"loss", "subset_accuracy", "hamming_loss", "macro_f1", "roc_auc"},
    NumberOutcome: {"loss", "mae", "mse", "rmse", "r2"},
    PictureOutcome: {"loss", "mae", "mse", "psnr"},
    MaskOutcome: {"loss", "pixel_accuracy", "macro_iou", "macro_f1"},
}  # fmt: skip
ODD = ("a", "a.b", ".", "x=1", " ", "a b.c=d", "macro_f1", "日本語")


def outcomes() -> dict[type[Outcome], Outcome]:
    case = random_case(0, 30, 4)
    truth = case.scores > 0.3
    return {
        ClassOutcome: case.outcome(),
        LabelOutcome: LabelCase("", truth, case.scores).outcome(),
        NumberOutcome: filled(NumberOutcome(["a", "b", "c", "d"]), case.scores, case.scores**2),
        PictureOutcome: filled(PictureOutcome(), case.scores, case.scores**2),
        MaskOutcome: filled(
            MaskOutcome(["a", "b"]), case.scores, case.labels[:, None] % 2 + [0, 0]
        ),
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_names_are_known_before_there_is_an_outcome(kind: type[Outcome]) -> None:
    names = metric_names(kind)
    assert KINDS[kind] <= set(names)
    assert len(names) == len(set(names))
    outcome = outcomes()[kind]
    assert tuple(metrics_for(outcome)) == names
    for name in names:
        measured = resolve(name, kind)
        assert measured.name == name
        assert measured.metric.higher_is_better is higher_is_better(name)
        low, high = measured.metric.bounds
        value = value_of(name, outcome)
        assert value == metrics_for(outcome)[name] or math.isnan(value)
        assert low <= value <= high or math.isnan(value)
    for name, values in columns_for(outcome).items():
        assert values.shape == (len(outcome.names),)
        assert values.dtype == np.float64
        assert value_of(f"{name}.{outcome.names[1]}", outcome) == values[1]


def test_every_metric_is_of_some_task() -> None:
    assert all(any(each.suits(kind) for kind in KINDS) for each in metrics.definitions())


def test_more_of_it_is_better_where_it_is() -> None:
    worse = {"loss", "hamming_loss", "log_loss", "brier", "expected_calibration_error"}
    worse |= {"mae", "mse", "rmse"}
    names = {name for kind in KINDS for name in metric_names(kind)}
    assert {name for name in names if not higher_is_better(name)} == worse
    assert higher_is_better("recall.cat")
    assert not higher_is_better("mae.price")


@pytest.mark.parametrize("index", range(len(ODD)))
def test_a_class_may_be_called_anything(index: int) -> None:
    case = random_case(3, 100, len(ODD))
    outcome = filled(ClassOutcome(ODD), case.scores, case.labels)
    found = value_of(f"recall.{ODD[index]}", outcome)
    assert found == columns_for(outcome)["recall"][index]


WRONG = [
    ("acuracy", ClassOutcome, "no metric 'acuracy' for classification; did you mean 'accuracy'?"),
    ("Accuracy", Outcome, "no metric 'Accuracy'; did you mean 'accuracy'?"),
    ("mean_iou", MaskOutcome, "did you mean 'macro_iou'?"),
    ("r2", ClassOutcome, "no metric 'r2' for classification"),
    ("xyz", Outcome, "no metric 'xyz'. The metrics are loss, accuracy,"),
    ("", ClassOutcome, "no metric '' for classification. The metrics are loss, accur"),
    ("macro_accuracy", ClassOutcome, "no metric 'macro_accuracy' for classification"),
    ("mean_f1", ClassOutcome, "no metric 'mean_f1' for classification; did you mean 'macro_f1'?"),
    ("top_0_accuracy", ClassOutcome, "classification; did you mean 'top_5_accuracy'?"),
    ("top_k_accuracy", ClassOutcome, "did you mean 'top_5_accuracy'?"),
    ("top_1e3_accuracy", ClassOutcome, "no metric 'top_1e3_accuracy' for classification"),
    ("recall", ClassOutcome, "recall is a number per class. Write macro_recall, micro_recall, "),
    ("f1", LabelOutcome, "f1 is a number per label. Write macro_f1, micro_f1, weighted_f1 or f1."),
    ("recall.kat", ClassOutcome, "no class 'kat'; did you mean 'cat'? The classes are cat, dog."),
    ("recall.", ClassOutcome, "there is no class ''. The classes are cat, dog."),
    ("recall. cat", ClassOutcome, "there is no class ' cat'; did you mean 'cat'?"),
    ("f1.kat", LabelOutcome, "no label 'kat'; did you mean 'cat'? The labels are cat, dog."),
    ("mae.kat", NumberOutcome, "no output 'kat'; did you mean 'cat'? The outputs are cat, dog."),
    ("accuracy.cat", ClassOutcome, "accuracy is one number. Only precision, recall, f1, roc_auc, "),
    ("macro_f1.cat", ClassOutcome, "macro_f1 is one number. Only precision, recall, f1, roc_auc, "),
    ("mse.cat", PictureOutcome, "mse is one number; nothing can follow it."),
    ("recal.cat", ClassOutcome, "no metric 'recal' for classification; did you mean 'recall'?"),
    (".cat", ClassOutcome, "there is no metric ''"),
    ("\x1b[31m", ClassOutcome, r"there is no metric '\x1b[31m'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "said"), WRONG)
def test_what_is_no_metric_is_told_what_is(name: str, kind: type[Outcome], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        resolve(name, kind, ("cat", "dog"))
    assert str(error.value).isprintable()


def test_of_many_classes_some_are_named() -> None:
    names = [f"n{index}" for index in range(1000)]
    with pytest.raises(ValueError, match=r"n18, n19, and 980 more\.$"):
        resolve("recall.x", ClassOutcome, names)


def test_before_the_classes_are_known_any_will_do() -> None:
    assert resolve("recall.cat", ClassOutcome).part == "cat"
    assert resolve("mae.price").part == "price"
    with pytest.raises(ValueError, match="no metric 'mae' for classification"):
        resolve("mae.price", ClassOutcome)


def test_without_scores_there_are_the_metrics_that_need_none() -> None:
    outcome = random_case(0, 30, 4).outcome(keep_scores=False)
    found = metrics_for(outcome)
    assert {"accuracy", "macro_f1"} <= set(found)
    assert not {"roc_auc", "log_loss", "top_5_accuracy"} & set(found)
    assert set(columns_for(outcome)) == {"precision", "recall", "f1"}
    with pytest.raises(ValueError, match="macro_roc_auc needs an outcome with keep_scores=True"):
        value_of("macro_roc_auc", outcome)
    assert {
        name for name in metric_names(ClassOutcome) if not resolve(name).metric.needs_scores
    } == (set(found))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_without_examples_nothing_is_defined(kind: type[Outcome]) -> None:
    names = () if kind is PictureOutcome else (("a", "b"),)
    outcome = kind(*names)
    assert all(map(math.isnan, metrics_for(outcome).values()))
    assert columns_for(outcome) == {}


def test_why_a_metric_is_undefined() -> None:
    case = random_case(0, 30, 3)
    outcome = filled(ClassOutcome(["a", "b", "c"], keep_scores=True), case.scores, case.labels * 0)
    assert resolve("roc_auc").why_undefined(outcome) == "it is undefined for these examples"
    assert resolve("f1.c").why_undefined(outcome) == "there are no examples of class 'c'"
    assert resolve("f1.a").why_undefined(outcome) == ""
    assert resolve("macro_f1").why_undefined(outcome) == ""


def test_a_metric_of_one_s_own_takes_ten_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_definitions", dict(metrics._definitions))

    @metrics.register
    class Specificity(ClassMetric):
        """TN / (TN + FP): of those not of the class, the share not predicted as it."""

        type: Literal["specificity"] = "specificity"

        def per_class(self, outcome: Decisions) -> NDArray[np.float64]:
            others = outcome.total - outcome.support
            return ratio(others - outcome.predicted + outcome.hits, others)

    @metrics.register
    class WorstRecall(Metric):
        """The least recall of any class."""

        type: Literal["worst_recall"] = "worst_recall"
        applies_to: ClassVar[Kinds] = (ClassOutcome,)

        def value(self, outcome: ClassOutcome) -> float:
            return float((outcome.hits / outcome.support).min())

    case = random_case(0, 200, 3)
    outcome = case.outcome()
    expected = [
        np.mean(case.predicted[case.labels != index] != index) for index in range(case.classes)
    ]
    assert columns_for(outcome)["specificity"] == pytest.approx(expected, abs=1e-15)
    assert value_of("macro_specificity", outcome) == pytest.approx(np.mean(expected))
    assert value_of("specificity.c1", outcome) == pytest.approx(expected[1])
    pooled = np.concatenate([case.predicted[case.labels != i] != i for i in range(case.classes)])
    assert value_of("micro_specificity", outcome) == pytest.approx(pooled.mean())
    assert value_of("worst_recall", outcome) == columns_for(outcome)["recall"].min()
    assert "worst_recall" not in metric_names(LabelOutcome)
    assert "macro_specificity" in metric_names(MaskOutcome)

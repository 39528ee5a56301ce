"""An evaluation as plain data: what `eval --json` prints, and what Python users get."""

from typing import Any

from mlptrain.tasks.metrics.measure import columns_for, finite, metrics_for
from mlptrain.tasks.outcomes.decisions import ConfusionOutcome, DecisionOutcome
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import exact
from mlptrain.training.evaluated_model import EvaluatedModel

ON_TOP = ("accuracy", "loss", "macro_precision", "macro_recall", "macro_f1")  # and in `metrics`


def evaluation_record(result: EvaluatedModel) -> dict[str, Any]:
    """The metrics, those of each name, the confusion matrix (rows: true, columns: predicted), and
    what identifies the examples and the indices of the wrong ones, as values that JSON has.
    Undefined ones are None."""
    outcome, wrong = result.outcome, result.judged.wrong
    metrics = finite(metrics_for(outcome))
    return {
        "model": None if result.checkpoint is None else exact(str(result.checkpoint)),
        "epoch": result.epoch,
        "data": exact(result.data),
        "examples": outcome.examples,
        "fingerprint": result.dataset.fingerprint(),
        "trained_on": result.trained_on,
        "left_out": result.left_out,
        **{name: metrics[name] for name in ON_TOP if name in metrics},
        "metrics": metrics,
        "wrong": None if wrong is None else wrong.nonzero()[0].tolist(),
        **_about_names(outcome),
    }


def _about_names(outcome: Outcome) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if isinstance(outcome, DecisionOutcome):
        about[f"missing_{_PLURALS[outcome.part]}"] = [exact(name) for name in outcome.missing]
    if interval := outcome.interval("accuracy"):
        about["accuracy_interval_95"] = list(interval)
    if baseline := outcome.baseline("accuracy"):
        about["majority_baseline"] = baseline[1]
    if outcome.names:
        about[_PLURALS[outcome.part]] = _rows(outcome)
    if isinstance(outcome, ConfusionOutcome):
        about["confusion_matrix"] = outcome.confusion.tolist()
    return about


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    columns = columns_for(outcome)
    rows = []
    for index, name in enumerate(outcome.names):
        values = finite({title: float(column[index]) for title, column in columns.items()})
        row: dict[str, Any] = {"name": exact(name), **values}
        if isinstance(outcome, DecisionOutcome):
            row["support"] = int(outcome.support[index])
        rows.append(row)
    return rows


_PLURALS = {"class": "classes", "label": "labels", "output": "outputs"}

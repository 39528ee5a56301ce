"""An evaluation as one JSON object."""

import json
from collections.abc import Iterator
from typing import Any

from mlptrain.tasks.metrics.measure import columns_for, finite, metrics_for
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.text import exact, printable_json
from mlptrain.training.evaluated_model import EvaluatedModel

ON_TOP = ("accuracy", "loss", "macro_precision", "macro_recall", "macro_f1")  # and in `metrics`


def evaluation_json(result: EvaluatedModel) -> str:
    """Strict JSON: the single metrics, the metrics per class, and the confusion matrix, whose rows
    are the true classes and whose columns the predicted ones. What is undefined is null."""
    evaluation = result.evaluation
    metrics = finite(metrics_for(evaluation))
    text = json.dumps(
        {
            "model": exact(str(result.checkpoint)),
            "epoch": result.epoch,
            "data": exact(result.data),
            "examples": evaluation.examples,
            "trained_on": result.trained_on,
            "missing_classes": [exact(name) for name in evaluation.missing],
            **{name: metrics[name] for name in ON_TOP},
            "accuracy_interval_95": list(evaluation.accuracy_interval),
            "majority_baseline": evaluation.majority_baseline,
            "metrics": metrics,
            "classes": list(_classes(evaluation)),
            "confusion_matrix": evaluation.confusion.tolist(),
        },
        allow_nan=False,
        indent=2,
    )
    return printable_json(text)


def _classes(evaluation: ClassOutcome) -> Iterator[dict[str, Any]]:
    columns = columns_for(evaluation)
    for index, name in enumerate(evaluation.names):
        values = finite({metric: float(column[index]) for metric, column in columns.items()})
        yield {"name": exact(name), **values, "support": int(evaluation.support[index])}

"""An evaluation as one JSON object."""

import json

from mlptrain.text import exact, printable_json
from mlptrain.training.evaluated_model import EvaluatedModel


def evaluation_json(result: EvaluatedModel) -> str:
    """Strict JSON: the single metrics, the metrics per class, and the confusion matrix, whose rows
    are the true classes and whose columns the predicted ones."""
    evaluation = result.evaluation
    columns = (evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support)
    names = [exact(name) for name in evaluation.class_names]
    text = json.dumps(
        {
            "model": exact(str(result.checkpoint)),
            "epoch": result.epoch,
            "data": exact(result.data),
            "examples": evaluation.examples,
            "trained_on": result.trained_on,
            "missing_classes": [exact(name) for name in evaluation.missing_classes],
            **evaluation.summary(),
            "accuracy_interval_95": list(evaluation.accuracy_interval),
            "majority_baseline": evaluation.majority_baseline,
            "classes": [
                {
                    "name": name,
                    "precision": float(precision),
                    "recall": float(recall),
                    "f1": float(f1),
                    "support": int(support),
                }
                for name, precision, recall, f1, support in zip(names, *columns, strict=True)
            ],
            "confusion_matrix": evaluation.confusion.tolist(),
        },
        allow_nan=False,
        indent=2,
    )
    return printable_json(text)

"""The evaluation to compare with: another model on the same examples, or a saved evaluation."""

from pathlib import Path

from mlptrain.comparison.compare import Comparison
from mlptrain.comparison.measured import Measured
from mlptrain.errors import DataError, UsageError
from mlptrain.text import show_path
from mlptrain.training.datasets import Reading
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_again
from mlptrain.training.example_results import Visitor
from mlptrain.training.model_path import find_checkpoint
from mlptrain.training.trained_model import TrainedModel, load_model


def compare_with(place: Path, result: EvaluatedModel, reading: Reading) -> Comparison:
    """`result` compared with `place`: a run or checkpoint, evaluated on the same examples now, or a
    .json file that `eval --json` was written to. Raises DataError if its examples are others."""
    if place.suffix.lower() == ".json":
        before, after = Measured.read(place), Measured.of(result)
        if before.fingerprint != after.fingerprint:
            raise DataError(
                f"{show_path(place)}: is of other {result.dataset.words.many} than "
                f"{show_path(result.data)}, or of a model that takes them in another form. Give "
                "--baseline the run itself, which is then evaluated on these."
            )
        return Comparison(before, after)
    other = evaluate_other(load_model(find_checkpoint(place)), result, reading)
    return Comparison(Measured.of(other), Measured.of(result))


def evaluate_other(
    other: TrainedModel, result: EvaluatedModel, reading: Reading, *visitors: Visitor
) -> EvaluatedModel:
    """The `other` model, evaluated on the examples of `result`. Raises UsageError if it is for
    another task, and DataError if it cannot take them."""
    if other.task.type != result.task.type:
        raise UsageError(
            f"{other.name}: is a model for {other.task.type}, not for {result.task.type}. "
            "Compare models for the same task."
        )
    try:
        return evaluate_again(other, result, reading, *visitors)
    except DataError as error:
        raise DataError(f"{other.name}: cannot be compared on these examples. {error}") from None

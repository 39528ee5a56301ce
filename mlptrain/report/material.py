"""What a report is made of, gathered before anything is drawn."""

from dataclasses import dataclass

from mlptrain.errors import DataError
from mlptrain.report.examples import SpacedExamples
from mlptrain.report.run_files import RunFiles, read_run
from mlptrain.training.datasets import Reading
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_model
from mlptrain.training.example_results import ExampleResult, WorstExamples
from mlptrain.training.trained_model import TrainedModel

_WORST, _SPACED = 20, 8  # examples


@dataclass(frozen=True)
class Material:
    """A run and an evaluation of it.

    Attributes:
        result: the evaluation; None if there is none, and `why_not` says why.
        worst: the examples with the largest errors; of right and wrong ones, the wrong.
        spaced: some other examples.
    """

    model: TrainedModel
    files: RunFiles
    result: EvaluatedModel | None
    why_not: str
    worst: list[ExampleResult]
    spaced: list[ExampleResult]


def gather(model: TrainedModel, split: str | None, data: str | None, reading: Reading) -> Material:
    """The material on `model`, which has a path, evaluated on `data` or on a `split` of its run;
    with neither, on the test split, or without one on the validation split.

    If neither was named and that data is not there as it was, there is no evaluation. Raises
    DataError if what was named cannot be evaluated."""
    assert model.path is not None
    files, named = read_run(model.path.parent), split is not None or data is not None
    given = model.state.config.data
    if not named:
        held_out = [name for name in ("test", "validation") if getattr(given, name) is not None]
        if not held_out:
            return Material(model, files, None, "the config names no held-out data.", [], [])
        split = held_out[0]
    worst, spaced = WorstExamples(_WORST), SpacedExamples(_SPACED)
    try:
        result = evaluate_model(model, split, data, reading, worst, spaced)
    except DataError as error:
        if named:
            raise
        return Material(model, files, None, str(error), [], [])
    wrong = [each for each in worst.found if each.is_wrong is not False]
    return Material(model, files, result, "", wrong, spaced.found)

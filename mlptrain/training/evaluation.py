"""Evaluate a saved model on a split of its config, or on other labelled images."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mlptrain.data.loading import BadImage
from mlptrain.data.source import Source
from mlptrain.data.sources import SourceChoice
from mlptrain.errors import UsageError
from mlptrain.training.datasets import Reading, read_source, read_split
from mlptrain.training.metrics import Evaluation
from mlptrain.training.run_folder import find_checkpoint
from mlptrain.training.saved_model import SavedModel


@dataclass(frozen=True)
class EvaluatedModel:
    """An evaluation and what it is of: the checkpoint, its epoch, the data's name to the user, and
    the images of it that could not be read."""

    checkpoint: Path
    epoch: int
    data: str
    evaluation: Evaluation
    skipped: tuple[BadImage, ...]


def evaluate_model(
    place: Path | None, split: str, data: str | None, reading: Reading
) -> EvaluatedModel:
    """Evaluate the model at `place` (see `find_checkpoint`) on `data`, a path as data.test takes
    it, or with None on a split of its config."""
    source = None if data is None else _source(data)
    path = find_checkpoint(place)
    model = SavedModel(path)
    state = model.state
    if source is None:
        dataset = read_split(state.config, split, state.image, state.class_names, reading)
    else:
        dataset = read_source(state.config, "data", source, state.image, state.class_names, reading)
    evaluation = model.evaluate(dataset, lambda done, total: reading("evaluated", done, total))
    return EvaluatedModel(path, state.progress.epoch, data or split, evaluation, dataset.skipped)


def _source(data: str) -> Source:
    adapter: TypeAdapter[Source] = TypeAdapter(SourceChoice)
    try:
        return adapter.validate_python(data, context={"folder": Path()})
    except ValidationError as error:
        raise UsageError(f"--data {data}: {error.errors()[0]['msg']}") from None

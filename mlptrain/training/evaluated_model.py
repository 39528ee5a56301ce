"""A trained model evaluated on labelled images: on a split of its run, or on others.

Apart from `saved_model.py`, so that predicting does not load the YAML reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlptrain.config.load import parse_value
from mlptrain.data.digests import keys_of
from mlptrain.data.loading.stream import BadImage
from mlptrain.data.sources.source import Source
from mlptrain.errors import DataError, UsageError
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_name
from mlptrain.training.datasets import Reading, read_source, read_split
from mlptrain.training.saved_model import SavedModel
from mlptrain.training.split_table import read_beside


@dataclass(frozen=True)
class EvaluatedModel:
    """An evaluation and what it is of: the checkpoint, its epoch, the data's name to the user, the
    images of it that could not be read, what else the user should know of the reading, and how many
    of the images the model was trained on; None if no split.csv tells."""

    checkpoint: Path
    epoch: int
    data: str
    headline: str
    outcome: Outcome
    skipped: tuple[BadImage, ...]
    notes: tuple[str, ...]
    trained_on: int | None


def evaluate_model(
    path: Path, split: str | None, data: str | None, reading: Reading, allowed: Mapping[str, Any]
) -> EvaluatedModel:
    """Evaluate the checkpoint `path` on `data`, a path or {a mapping} as data.test takes it, or
    with None on a split of its config: on exactly the images the run had there. `allowed`: as
    `SavedModel` takes it. Raises DataError if it cannot."""
    if split is not None and data is not None:
        raise UsageError(
            f"--split {split}: is of the run, but --data {data} names other images. "
            "Give one of the two."
        )
    source, split = None if data is None else _source(data), split or "test"
    model = SavedModel(path, allowed)
    state = model.state
    members = read_beside(path, state)
    if source is None:
        try:
            dataset = read_split(state, model.image, split, members, reading)
        except DataError as error:
            raise DataError(
                f"{error}\nThe model's config names this data; --data evaluates other images."
            ) from None
    else:
        dataset = read_source(state, model.image, source, reading)
    outcome = model.evaluate(dataset, lambda done, total: reading("evaluated", done, total))
    trained_on = None
    if members is not None:
        known = set(keys_of(members["train"].digests))
        trained_on = sum(key in known for key in keys_of(dataset.digests))
    return EvaluatedModel(
        path,
        state.progress.epoch,
        data or split,
        state.config.task.headline,
        outcome,
        dataset.skipped,
        (*model.notes, *dataset.notes),
        trained_on,
    )


def _source(data: str) -> Source:
    try:
        written = parse_value(data, "--data") if data.startswith("{") else data
        return Source.model_validate(written, context={"folder": Path()})
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]  # a ValueError of ours: `data` is a path
        raise UsageError(f"--data {show_name(data)}: {reason}.") from None

"""Evaluating a trained model on labelled examples: on a split of its run, or on others.

Apart from `trained_model.py`, so that predicting does not load the YAML reader.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from mlptrain.config.load import parse_value
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import keys_of
from mlptrain.data.sources.numbers import number_source
from mlptrain.data.sources.source import Source
from mlptrain.errors import DataError, UsageError
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import Judged, Task
from mlptrain.text import show_name, show_path
from mlptrain.training.datasets import Reading
from mlptrain.training.example_results import JudgedExamples, Visitor
from mlptrain.training.saved_examples import read_same, read_source, read_split, source_of
from mlptrain.training.split_table import read_beside
from mlptrain.training.trained_model import TrainedModel

EVALUATED = "evaluated"  # what is being read, for a `Reading`, once all has been read


@dataclass(frozen=True)
class EvaluatedModel:
    """An evaluation and where it comes from.

    Attributes:
        checkpoint: the model's file, if it has one, and its `epoch`.
        data: the data as shown to the user.
        source: what the data was read from, and its key in a config's `data`, or "data".
        task: what the model learned.
        outcome: the predictions for all examples.
        judged: how wrong each of them is.
        dataset: the examples; `skipped` in it could not be read.
        notes: what the user should know from reading the model and the data.
        trained_on: how many of the examples the model was trained on; None without a split.csv.
        left_out: how many of --data were left out for that reason.
    """

    checkpoint: Path | None
    epoch: int
    data: str
    source: tuple[str, Source]
    task: Task
    outcome: Outcome
    judged: Judged
    dataset: Dataset
    notes: tuple[str, ...]
    trained_on: int | None
    left_out: int


def evaluate_model(
    model: TrainedModel,
    split: str | None,
    data: str | Source | None,
    reading: Reading,
    *visitors: Visitor,
) -> EvaluatedModel:
    """Evaluate `model` on `data`: a source, or what names one, a path or {a mapping} as for
    data.test; or, with None, on a split of its config with exactly the examples it had in the run.
    The `visitors` see every batch of it. Raises DataError if that is impossible."""
    if split is not None and data is not None:
        raise UsageError(
            f"--split {split}: is of the run, but --data {data} names other data. "
            "Give one of the two."
        )
    path, state, split = model.path, model.state, split or "test"
    given = _source(data, numbers=model.takes_numbers) if isinstance(data, str) else data
    members = None if path is None else read_beside(path, state)
    if given is None:
        source = source_of(state.config, split)
        try:
            dataset = read_split(state, model.image, split, members, reading)
        except DataError as error:
            raise DataError(
                f"{error}\nThe model's config names this data; --data evaluates other data."
            ) from None
    else:
        source = ("data", given)
        dataset = read_source(state, model.image, given, reading)
    known = None if members is None else set(keys_of(members["train"].digests))
    left_out = 0
    if given is not None and known is not None:
        dataset, left_out = _held_out(dataset, known, given.place)
    shown = split if data is None else data if isinstance(data, str) else data.place
    result = _evaluated(model, dataset, known, (shown, source), reading, visitors)
    return replace(result, left_out=left_out)


def evaluate_again(
    model: TrainedModel, other: EvaluatedModel, reading: Reading, *visitors: Visitor
) -> EvaluatedModel:
    """Evaluate `model` on the same examples as the `other`, also on those that it was trained on.
    Raises DataError if it cannot take them."""
    dataset = read_same(model.state, model.image, other.source, other.dataset, reading)
    members = None if model.path is None else read_beside(model.path, model.state)
    known = None if members is None else set(keys_of(members["train"].digests))
    return _evaluated(model, dataset, known, (other.data, other.source), reading, visitors)


def _evaluated(
    model: TrainedModel,
    dataset: Dataset,
    known: Set[bytes] | None,
    origin: tuple[str, tuple[str, Source]],
    reading: Reading,
    visitors: Sequence[Visitor],
) -> EvaluatedModel:
    """The evaluation of `dataset`, whose name and source are its `origin`. `known`: the digests of
    the training examples, if they are known."""
    judging = JudgedExamples(visitors)
    outcome = model.evaluate(dataset, partial(reading, EVALUATED), judging)
    trained_on = None if known is None else sum(key in known for key in keys_of(dataset.digests))
    return EvaluatedModel(
        model.path,
        model.state.progress.epoch,
        *origin,
        model.task,
        outcome,
        judging.result(),
        dataset,
        (*model.notes, *dataset.notes),
        trained_on,
        left_out=0,
    )


def _held_out(dataset: Dataset, known: Set[bytes], place: str) -> tuple[Dataset, int]:
    """The examples whose digests are not among the `known` ones of training, and how many are.
    Raises DataError if all are."""
    held_out = [index for index, key in enumerate(keys_of(dataset.digests)) if key not in known]
    left_out = len(dataset) - len(held_out)
    if not left_out:
        return dataset, 0
    if not held_out:
        raise DataError(
            f"{show_path(place)}: the model was trained on all {len(dataset):,} examples here, so "
            "they say nothing about others. Evaluate other data, or the training split with "
            "--split train."
        )
    own = dataset.select(np.array(held_out, np.int64))
    note = (
        f"{show_path(place)}: the model was trained on {left_out:,} of the {len(dataset):,} "
        "examples here; they are left out"
    )
    return replace(own, skipped=dataset.skipped, notes=(*dataset.notes, note)), left_out


def _source(data: str, *, numbers: bool) -> Source:
    """The source that `data` names; for a model of `numbers`, a path is a table or arrays."""
    if numbers and not data.startswith("{"):
        return number_source(data)
    try:
        written = parse_value(data, "--data") if data.startswith("{") else data
        return Source.model_validate(written, context={"folder": Path()})
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]  # our own ValueError: `data` is a path
        raise UsageError(f"--data {show_name(data)}: {reason}.") from None

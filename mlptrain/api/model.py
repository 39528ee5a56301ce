"""A trained model for Python: `mlptrain.load`, `Model.predict`, `Model.evaluate`."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from mlptrain.api.evaluation import Evaluation
from mlptrain.api.html import notes_list, table
from mlptrain.api.predictions import Predictions
from mlptrain.backend.blas import blas_threads_kept
from mlptrain.config.load import load_plugins
from mlptrain.data.loading.stream import BadImage
from mlptrain.data.sources.arguments import expand_images
from mlptrain.data.sources.arrays import ArraySource, Given
from mlptrain.data.sources.source import Source
from mlptrain.errors import DataError, UsageError
from mlptrain.text import show_name
from mlptrain.training import checkpoint
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.layer_table import layer_rows, sides
from mlptrain.training.model_path import find_checkpoint
from mlptrain.training.trained_model import Prediction, TrainedModel, load_model

PathLike = str | os.PathLike[str]
_MOST_SHOWN = 50


def load(run: PathLike | None = None, *, plugins: Sequence[PathLike] = ()) -> "Model":
    """The model of a run folder (its best epoch) or in a checkpoint file; with None, that of the
    latest run below the current folder.

    `plugins`: the Python files that it was trained with, which are run. Raises ModelFileError."""
    with blas_threads_kept:
        load_plugins([Path(each) for each in plugins])
        path = find_checkpoint(None if run is None else Path(run))
        return Model(load_model(path))


class Model:
    """A trained model. `mlptrain.load` and `mlptrain.fit` make them.

    Several threads may use one; they take turns."""

    def __init__(self, trained: TrainedModel) -> None:
        self._trained = trained
        self._lock = threading.Lock()

    @property
    def path(self) -> Path | None:
        """Its checkpoint file; None if it is only in memory."""
        return self._trained.path

    @property
    def task(self) -> str:
        """What it was trained for: classification, regression, …"""
        return str(self._trained.task.type)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, labels or numbers that it predicts, in the order of
        `Predictions.values`; none for an autoencoder."""
        return self._trained.state.targets.names

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (H, W, C) of images, (n,) of numbers."""
        return self._trained.state.shape

    @property
    def epoch(self) -> int:
        """The epoch that its weights are from."""
        return self._trained.state.progress.epoch

    @property
    def config(self) -> dict[str, Any]:
        """The config of its training with every default filled in."""
        config: dict[str, Any] = self._trained.state.config.model_dump(mode="json")
        return config

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        """Copies of the parameters, such as dense_1/w (in, out) and dense_1/b (out,), and of what
        layers keep besides."""
        arena = self._trained.network.arena
        arrays = {**arena.by_name(), **arena.state_by_name()}
        return {name: np.array(arena.backend.fetch(array)) for name, array in arrays.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about it."""
        return self._trained.notes

    def predict(
        self, x: Any, *, top_k: int = 1, on_bad_image: Literal["error", "skip"] = "error"
    ) -> Predictions:
        """A prediction for each of the examples `x`.

        `x` is a path or a list of paths, as `mlptrain predict` takes them: files, folders, globs;
        or an array: images uint8 (n, H, W) or (n, H, W, C), or numbers (n, …). `top_k`: how many
        classes a record names. Images that cannot be read are an error, or are skipped.

        Raises DataError for examples that the model does not take, and UsageError."""
        with self._computing() as trained:
            trained.require_ranks(top_k, f"top_k={top_k}")
            given = _paths(x)
            if given is None:
                of_arrays = trained.predict_arrays(ArraySource.of(Given(x)), top_k)
                return self._collected(of_arrays, [], 0, on_bad_image, with_path=False)
            paths, notes = expand_images(given)
            found = trained.predict(paths, top_k)
            return self._collected(found, notes, len(paths), on_bad_image, with_path=True)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *,
        sample_weight: Any = None,
        split: Literal["train", "validation", "test"] | None = None,
    ) -> Evaluation:
        """Compare the predictions for examples with their targets.

        The examples are `x` and `y`, as `mlptrain.fit` takes them; or a path or a mapping `x`, as
        data.test takes it; or, without `x`, a `split` of the model's run, by default its test
        split. Examples of files and arrays that the model's run was trained on are left out. Raises
        DataError and UsageError."""
        with self._computing() as trained:
            data = None if x is None else _data(x, y, sample_weight)
            if data is None and y is not None:
                raise UsageError("y: are targets without examples. Give x as well.")
            return Evaluation(evaluate_model(trained, split, data, lambda *_: None))

    def save(self, path: PathLike) -> None:
        """Write a checkpoint file, which `mlptrain.load` and the command line read. Raises
        FileSystemError."""
        network, state = self._trained.network, self._trained.state
        fetch, arena = network.arena.backend.fetch, network.arena
        parameters, layer_state = (
            {name: fetch(each) for name, each in group.items()}
            for group in (arena.by_name(), arena.state_by_name())
        )
        checkpoint.save(Path(path), state, parameters, {}, layer_state)

    @contextmanager
    def _computing(self) -> Iterator[TrainedModel]:
        """A context in which this thread alone uses the model."""
        with self._lock, blas_threads_kept:
            yield self._trained

    def _collected(
        self,
        found: Iterator[Prediction | BadImage],
        notes: list[str],
        total: int,
        on_bad_image: str,
        *,
        with_path: bool,
    ) -> Predictions:
        """The predictions that were `found` among `total` files. Raises DataError for bad ones."""
        trained, shape = self._trained, (-1, *self._prediction_shape())
        records, values, pictures, bad = [], [], [], []
        unlike = 0
        for each in found:
            if isinstance(each, BadImage):
                bad.append(each)
                continue
            record = each.record
            records.append(record if with_path else each.answer.record)
            values.append(np.array(each.values))
            pictures.append(each.answer.picture)
            unlike += each.is_unlike
        if bad and on_bad_image != "skip":
            raise _unreadable(bad, total)
        if unlike:
            assert trained.expected is not None
            total = total or len(records)
            notes.append(trained.expected.tell_of_unlike(unlike, total, trained.image.resize))
        stacked = None
        if trained.task.gives_pictures:
            stacked = np.array(pictures)
        return Predictions(records, np.array(values).reshape(shape), stacked, bad, notes)

    def _prediction_shape(self) -> tuple[int, ...]:
        return self._trained.task.prediction_shape(self.shape, self.class_names)

    def __repr__(self) -> str:
        layers = self._trained.network.layers
        sizes = "-".join(
            str(size) for size in (layers[0].inputs, *(each.outputs for each in layers))
        )
        return f"<Model for {self.task}: {sides(self.shape)}, {sizes}, epoch {self.epoch}>"

    def _repr_html_(self) -> str:
        titles, *rows = layer_rows(self._trained.network, self.shape)
        return table(titles, rows, repr(self).strip("<>")) + notes_list(self.notes)


def _paths(x: Any) -> list[str] | None:
    """The paths that `x` is; None if it is an array."""
    if isinstance(x, str | os.PathLike):
        return [os.fspath(x)]
    if isinstance(x, list | tuple) and x and all(isinstance(e, str | os.PathLike) for e in x):
        return [os.fspath(each) for each in x]
    return None


def _data(x: Any, y: Any, sample_weight: Any) -> str | Source:
    """What `evaluate_model` takes for the examples."""
    if not isinstance(x, str | os.PathLike | Mapping):
        return ArraySource.of(Given(x, y, sample_weight))
    if y is not None or sample_weight is not None:
        raise UsageError(
            "y, sample_weight: belong to arrays. Files have their own; leave them out."
        )
    if not isinstance(x, Mapping):
        return os.fspath(x)
    try:
        return Source.model_validate(dict(x), context={"folder": Path()})
    except ValidationError as error:
        raise UsageError(f"x: {error.errors()[0]['msg']}.") from None


def _unreadable(bad: Sequence[BadImage], total: int) -> DataError:
    lines = [f"{show_name(each.path)}: {each.reason}" for each in bad[:_MOST_SHOWN]]
    if len(bad) > _MOST_SHOWN:
        lines.append(f"… and {len(bad) - _MOST_SHOWN:,} more")
    lines.append(
        f"{len(bad)} of {total} images could not be read. Repair or remove them, or set "
        'on_bad_image="skip".'
    )
    return DataError("\n".join(lines))

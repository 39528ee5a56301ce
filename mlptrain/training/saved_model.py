"""A trained model, read back from its checkpoint, to evaluate and to predict with."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from mlptrain.config.load import parse_value
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import keys_of
from mlptrain.data.loading import BadImage, stream_images, stream_shared
from mlptrain.data.sharing import Sharing
from mlptrain.data.source import Source
from mlptrain.data.sources import SourceChoice
from mlptrain.errors import DataError, ModelFileError, UsageError
from mlptrain.nn.model import Model
from mlptrain.text import show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import State
from mlptrain.training.datasets import Reading, read_source, read_split
from mlptrain.training.evaluate import Predictor, evaluate
from mlptrain.training.machine import choose_backend, set_threads
from mlptrain.training.metrics import Evaluation
from mlptrain.training.split_table import read_beside


class Prediction(NamedTuple):
    """What the model says about one image.

    Attributes:
        path: the image file.
        top: (class name, probability), the most probable first.
        is_unlike: whether it has another size or mode than the training images all had.
    """

    path: str
    top: tuple[tuple[str, float], ...]
    is_unlike: bool


SMALL_NET = 1_000_000  # parameters: an image costs it less than half of its decoding


class SavedModel:
    """The model in the checkpoint file `path`, with its preprocessing and class names.

    `allowed` replaces image settings that change no pixels: which formats, and how large.
    `while_decoding`: whether other cores decode images meanwhile; a small net then leaves them to
    it and computes on one."""

    def __init__(
        self,
        path: Path,
        allowed: Mapping[str, Any] = MappingProxyType({}),
        *,
        while_decoding: bool = False,
    ) -> None:
        saved = checkpoint.load(path)
        self.path = path
        self.state: State = saved.state
        self.image = saved.state.image.model_copy(update=dict(allowed))
        self.expected = saved.state.config.data.image.common(self.image)
        backend = choose_backend()
        model = Model(
            self.state.config.model.hidden(),
            math.prod(self.state.image.shape),
            len(self.state.class_names),
            self.state.config.training.loss,
            backend=backend,
        )
        checkpoint.fill(path, "parameters", model.arena.by_name(), saved.parameters)
        leaves_cores = while_decoding and model.arena.values.size < SMALL_NET
        set_threads(backend, 1 if leaves_cores else self.state.threads)
        self._predictor = Predictor(model, self.state.normalization)

    def evaluate(self, dataset: Dataset, progress: Callable[[int, int], None]) -> Evaluation:
        """Compare the predictions for a labelled split with its labels."""
        evaluation = evaluate(self._predictor, dataset, progress)
        self._require_finite(evaluation.loss)
        return evaluation

    def predict(
        self, paths: Sequence[str], top_k: int, begun: Sharing | None = None
    ) -> Iterator[Prediction | BadImage]:
        """Yield for each path, in order, its `top_k` most probable classes, or why it is bad. The
        next images are decoded meanwhile; some are already if they had a head start, `begun`."""
        image = self.image
        if begun and begun.form == image.form:  # unless the model's file was replaced meanwhile
            chunks = stream_shared(begun)
        else:
            chunks = stream_images(paths, image, self.expected)
        for chunk in chunks:
            top = self._top(chunk.images, top_k)
            for index in sorted((*chunk.indices.tolist(), *chunk.bad)):
                bad = chunk.bad.get(index)
                yield bad or Prediction(paths[index], next(top), index in chunk.unlike)

    def _top(
        self, images: NDArray[np.uint8], top_k: int
    ) -> Iterator[tuple[tuple[str, float], ...]]:
        names = self.state.class_names
        unknown = np.zeros(len(images), np.int64)
        for _, probabilities, loss in self._predictor.run(images, unknown):
            self._require_finite(loss)
            order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
            values = np.take_along_axis(probabilities, order, axis=1)
            for classes, row in zip(order.tolist(), values.tolist(), strict=True):
                yield tuple(zip(map(names.__getitem__, classes), row, strict=True))

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ModelFileError(
                f"{show_path(self.path)}: its weights are so large that these images give a loss "
                f"of {loss:g}. Train the model again."
            )


@dataclass(frozen=True)
class EvaluatedModel:
    """An evaluation and what it is of: the checkpoint, its epoch, the data's name to the user, the
    images of it that could not be read, what else the user should know of the reading, and how many
    of the images the model was trained on; None if no split.csv tells."""

    checkpoint: Path
    epoch: int
    data: str
    evaluation: Evaluation
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
    evaluation = model.evaluate(dataset, lambda done, total: reading("evaluated", done, total))
    trained_on = None
    if members is not None:
        known = set(keys_of(members["train"].digests))
        trained_on = sum(key in known for key in keys_of(dataset.digests))
    return EvaluatedModel(
        path,
        state.progress.epoch,
        data or split,
        evaluation,
        dataset.skipped,
        dataset.notes,
        trained_on,
    )


def _source(data: str) -> Source:
    adapter: TypeAdapter[Source] = TypeAdapter(SourceChoice)
    try:
        written = parse_value(data, "--data") if data.startswith("{") else data
        return adapter.validate_python(written, context={"folder": Path()})
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]  # a ValueError of ours: `data` is a path
        raise UsageError(f"--data {show_name(data)}: {reason}.") from None

"""A trained model loaded from its checkpoint, for evaluation and prediction."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mlptrain.backend.choice import choose_backend, set_threads
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import Inputs
from mlptrain.data.images.signatures import UNKNOWN
from mlptrain.data.loading.sharing import Sharing
from mlptrain.data.loading.stream import BadImage, stream_images, stream_shared
from mlptrain.data.sources.numbers import may_hold_numbers, number_source
from mlptrain.data.sources.source import Arrays
from mlptrain.errors import DataError, ModelFileError
from mlptrain.nn.model import Model
from mlptrain.plugins import loaded_plugins
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import Answer
from mlptrain.text import show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import State
from mlptrain.training.evaluate import Predictor, evaluate


class Prediction(NamedTuple):
    """The model's prediction for one image.

    Attributes:
        path: the image file.
        answer: the prediction.
        is_unlike: whether its size or mode differs from that of all training images.
    """

    path: str
    answer: Answer
    is_unlike: bool


def _changed_plugins(plugins: Mapping[str, str]) -> Iterator[str]:
    for name, digest in plugins.items():
        if loaded_plugins()[name] != digest:
            yield (
                f"the plug-in {show_name(name)} is not the version that the model was "
                "trained with; its results may differ"
            )


def _explained(bad: BadImage) -> BadImage:
    """`bad`, with what to do if it is no image but a table or arrays."""
    if not (may_hold_numbers(bad.path) and bad.reason.startswith(UNKNOWN)):
        return bad
    reason = (
        "is a table or a file of arrays, but the model was trained on images. Name image files, "
        "folders, or - for paths on standard input; labelled images in such a file are for "
        "eval --data"
    )
    return replace(bad, reason=reason)


SMALL_NET = 1_000_000  # parameters: an image takes less than half as long as its decoding


class SavedModel:
    """The model in the checkpoint file `path`, with its task and its preprocessing.

    `allowed` overrides the image settings that do not affect pixels: formats and the size limit.
    `while_decoding`: whether images are decoded at the same time; a small network then computes on
    one core and leaves the others to decoding."""

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
        self.notes = tuple(_changed_plugins(saved.state.plugins))
        self.image = saved.state.image.model_copy(update=dict(allowed))
        self.expected = saved.state.config.data.image.common(self.image)
        backend = choose_backend()
        config = self.state.config
        self.task = config.task
        head = config.task.head(self.state.shape, self.state.targets.names)
        hidden, inputs = config.model.hidden(), math.prod(self.state.shape)
        loss, dtype = config.training.loss, config.training.precision
        model = Model(hidden, inputs, head, loss, dtype, backend)
        checkpoint.fill(path, "parameters", model.arena.by_name(), saved.parameters, backend)
        state = model.arena.state_by_name()
        checkpoint.fill(path, "layers' state arrays", state, saved.layer_state, backend)
        leaves_cores = while_decoding and model.arena.values.size < SMALL_NET
        set_threads(backend, 1 if leaves_cores else self.state.threads)
        self._predictor = Predictor(model, self.state.normalization)

    @property
    def takes_numbers(self) -> bool:
        """Whether its inputs are numbers, not images."""
        return self.state.normalization.unit == 1

    def evaluate(self, dataset: Dataset, progress: Callable[[int, int], None]) -> Outcome:
        """The predictions for `dataset` compared with its targets."""
        outcome = evaluate(
            self._predictor, self.task, self.state.targets, dataset, progress, keep_scores=True
        )
        self._require_finite(outcome.loss)
        return outcome

    def predict(
        self, paths: Sequence[str], ranks: int, begun: Sharing | None = None
    ) -> Iterator[Prediction | BadImage]:
        """Yield, for each path in order, the prediction (of classes, the `ranks` most probable) or
        why the image is bad. Later images are decoded in the meantime; `begun` has already started
        on some."""
        if self.takes_numbers:
            yield from self._predict_numbers(paths, ranks)
            return
        image = self.image
        if begun and begun.form == image.form:  # unless the model file was replaced in the meantime
            chunks = stream_shared(begun)
        else:
            chunks = stream_images(paths, image, self.expected)
        for chunk in chunks:
            answers = self.answers(chunk.images, ranks)
            for index in sorted((*chunk.indices.tolist(), *chunk.bad)):
                if (bad := chunk.bad.get(index)) is not None:
                    yield _explained(bad)
                else:
                    yield Prediction(paths[index], next(answers), index in chunk.unlike)

    def _predict_numbers(self, paths: Sequence[str], ranks: int) -> Iterator[Prediction]:
        """The same for each example in files of numbers: .csv, .npy and .npz."""
        for path in paths:
            source = number_source(path).with_features(self.state.features)
            content = source.content(())
            assert isinstance(content, Arrays)
            content = content.of_floats(self.state.config.training.precision)
            shape = content.inputs.shape[1:]
            if content.inputs.dtype.kind != "f" or shape != self.state.shape:
                raise DataError(
                    f"{show_path(path)}: each example has the shape {shape}, the model takes "
                    f"numbers of the shape {self.state.shape}."
                )
            answers = self.answers(content.inputs, ranks)
            for index, answer in enumerate(answers):
                place = f":{content.lines[index]}" if content.lines else f"[{index}]"
                yield Prediction(path + place, answer, False)

    def answers(self, inputs: Inputs, ranks: int) -> Iterator[Answer]:
        """The prediction for each of the inputs (n, …)."""
        for batch in self._predictor.run(inputs):
            self._require_finite(batch.loss)
            predictions = self.task.predictions(batch.outputs, self.state.targets)
            yield from self.task.answers(
                predictions, inputs[batch.place], self.state.targets, ranks
            )

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ModelFileError(
                f"{show_path(self.path)}: its weights are so large that these inputs give a loss "
                f"of {loss:g}. Train the model again."
            )

"""A trained model, for evaluation and prediction."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from mlptrain.backend.call import Array
from mlptrain.backend.choice import choose_backend, set_threads
from mlptrain.backend.protocol import Backend, MatmulPrecision
from mlptrain.config.schema import Config
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import Inputs
from mlptrain.data.images.arrays import fit_array, form_of
from mlptrain.data.images.signatures import UNKNOWN
from mlptrain.data.loading.sharing import Sharing
from mlptrain.data.loading.stream import BadImage, stream_images, stream_shared
from mlptrain.data.sources.numbers import may_hold_numbers, number_source
from mlptrain.data.sources.source import Arrays, Source
from mlptrain.errors import DataError, ModelFileError, UsageError
from mlptrain.nn.model import Model
from mlptrain.plugins import loaded_plugins
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import Answer
from mlptrain.text import exact, show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import State
from mlptrain.training.evaluate import Predictor, evaluate
from mlptrain.training.example_results import Visitor


class Prediction(NamedTuple):
    """The model's prediction for one example.

    Attributes:
        path: the image file, or "file[index]" for an array.
        answer: the prediction.
        values: what the network computed, in the units of the targets, flat; the next prediction
            may overwrite it.
        is_unlike: whether its size or mode differs from that of all training images.
    """

    path: str
    answer: Answer
    values: Array
    is_unlike: bool

    @property
    def record(self) -> dict[str, Any]:
        """The prediction as values that JSON has."""
        return {"path": exact(self.path), **self.answer.record}


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


class TrainedModel:
    """A network with its task and its preprocessing.

    Args:
        state: what its checkpoint says, or would say.
        network: the network, with its parameters.
        path: its checkpoint; None: it is only in memory.
        allowed: overrides the image settings that do not affect pixels: formats and the size limit.
    """

    def __init__(
        self,
        state: State,
        network: Model,
        path: Path | None = None,
        allowed: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.path, self.state, self.network = path, state, network
        self.notes = tuple(_changed_plugins(state.plugins))
        self.image = state.image.model_copy(update=dict(allowed))
        self.expected = state.config.data.image.common(self.image)
        self.task = state.config.task
        self._predictors: dict[int, Predictor] = {}  # by their number of threads

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return show_path(self.path) if self.path else "the model"

    @property
    def takes_numbers(self) -> bool:
        """Whether its inputs are numbers, not images."""
        return self.state.normalization.unit == 1

    def require_ranks(self, ranks: int, option: str) -> None:
        """Raise UsageError, naming the `option`, unless its answers can name `ranks` classes."""
        if ranks < 1:
            raise UsageError(f"{option}: must be at least 1.")
        if ranks > 1 and not self.task.ranks_classes:
            raise UsageError(
                f"{option}: a model for {self.task.type} gives one answer, no ranking of "
                "classes. Leave it out."
            )

    def evaluate(
        self,
        dataset: Dataset,
        progress: Callable[[int, int], None],
        visit: Visitor | None = None,
    ) -> Outcome:
        """The predictions for `dataset` compared with its targets; `visit` sees every batch."""
        outcome = evaluate(
            self._predictor(self.state.threads),
            self.task,
            self.state.targets,
            dataset,
            progress,
            visit,
            keep_scores=True,
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
            for path in paths:
                yield from self.predict_arrays(number_source(path), ranks)
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
                    yield Prediction(paths[index], *next(answers), index in chunk.unlike)

    def predict_arrays(self, source: Source, ranks: int) -> Iterator[Prediction]:
        """The same for each example of `source`, which holds arrays or a table."""
        content = source.with_features(self.state.features).content(())
        assert isinstance(content, Arrays)
        content = content.of_floats(self.state.config.training.precision)
        inputs, is_unlike = self._fitted(content, source.place)
        for index, (answer, values) in enumerate(self.answers(inputs, ranks)):
            place = f":{content.lines[index]}" if content.lines else f"[{index}]"
            yield Prediction(source.place + place, answer, values, is_unlike)

    def _fitted(self, content: Arrays, place: str) -> tuple[Inputs, bool]:
        """The inputs as the model takes them: images are converted; and whether they are unlike all
        training images. Raises DataError if that is impossible."""
        inputs, shape = content.inputs, content.inputs.shape[1:]
        if inputs.dtype == np.uint8 and not self.takes_numbers:
            is_unlike = self.expected is not None and not self.expected.allows(*form_of(inputs))
            return fit_array(inputs, self.image)[0], is_unlike
        if inputs.dtype.kind != "f" or not self.takes_numbers or shape != self.state.shape:
            kind = "numbers" if self.takes_numbers else "uint8 images"
            raise DataError(
                f"{show_path(place)}: each example has the shape {shape}, the model takes "
                f"{kind} of the shape {self.state.shape}."
            )
        return inputs, False

    def answers(self, inputs: Inputs, ranks: int) -> Iterator[tuple[Answer, Array]]:
        """The prediction for each of the inputs (n, …), and its values as in `Prediction`. A small
        network computes on one core and leaves the others to decoding images."""
        is_small = self.network.arena.values.size < SMALL_NET
        predictor = self._predictor(1 if is_small else self.state.threads)
        for batch in predictor.run(inputs):
            self._require_finite(batch.loss)
            predictions = self.task.predictions(batch.outputs, self.state.targets)
            answers = self.task.answers(predictions, inputs[batch.place], self.state.targets, ranks)
            yield from zip(answers, predictions.reshape(len(predictions), -1), strict=True)

    def _predictor(self, threads: int) -> Predictor:
        """What computes with this many threads, or as many as there are cores."""
        set_threads(self.network.arena.backend, threads)
        if threads not in self._predictors:
            self._predictors[threads] = Predictor(self.network, self.state.normalization)
        return self._predictors[threads]

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ModelFileError(
                f"{self.name}: its weights are so large that these inputs give a loss "
                f"of {loss:g}. Train the model again."
            )


def network_of(
    config: Config,
    shape: tuple[int, ...],
    names: Sequence[str],
    backend: Backend,
    matmul_precision: MatmulPrecision = "float32",
) -> Model:
    """The network that `config` describes, with all parameters zero, for inputs of `shape` and
    targets with `names`. Training it rounds the factors of products to `matmul_precision`."""
    training, head = config.training, config.task.head(shape, names)
    hidden, inputs = config.model.hidden(), math.prod(shape)
    loss, dtype = training.loss, training.precision
    return Model(hidden, inputs, head, loss, dtype, backend, matmul_precision)


def load_model(path: Path, allowed: Mapping[str, Any] = MappingProxyType({})) -> TrainedModel:
    """The model in the checkpoint file `path`; `allowed` as for `TrainedModel`. Raises
    ModelFileError."""
    saved = checkpoint.load(path)
    state, backend = saved.state, choose_backend()
    network = network_of(state.config, state.shape, state.targets.names, backend)
    arena = network.arena
    checkpoint.fill(path, "parameters", arena.by_name(), saved.parameters, backend)
    checkpoint.fill(path, "layers' state arrays", arena.state_by_name(), saved.layer_state, backend)
    return TrainedModel(state, network, path, allowed)

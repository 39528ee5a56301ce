"""A trained model, read back from its checkpoint, to evaluate and to predict with."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.choice import choose_backend, set_threads
from mlptrain.data.dataset import Dataset
from mlptrain.data.loading.sharing import Sharing
from mlptrain.data.loading.stream import BadImage, stream_images, stream_shared
from mlptrain.errors import ModelFileError
from mlptrain.nn.model import Model
from mlptrain.plugins import loaded_plugins
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.text import show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import State
from mlptrain.training.evaluate import Predictor, evaluate


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


def _changed_plugins(plugins: Mapping[str, str]) -> Iterator[str]:
    for name, digest in plugins.items():
        if loaded_plugins()[name] != digest:
            yield (
                f"the plug-in {show_name(name)} is not the version that the model was "
                "trained with; its results may differ"
            )


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
        self.notes = tuple(_changed_plugins(saved.state.plugins))
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

    def evaluate(self, dataset: Dataset, progress: Callable[[int, int], None]) -> ClassOutcome:
        """Compare the predictions for a labelled split with its labels."""
        outcome = evaluate(self._predictor, dataset, progress, keep_scores=True)
        self._require_finite(outcome.loss)
        return outcome

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

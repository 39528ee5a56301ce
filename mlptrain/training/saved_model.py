"""A trained model, read back from its checkpoint: what eval and predict work with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.batches import Batches
from mlptrain.data.dataset import Dataset
from mlptrain.data.loading import BadImage, load_images
from mlptrain.nn.model import Model
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import State
from mlptrain.training.evaluate import Predictor, evaluate
from mlptrain.training.machine import set_threads
from mlptrain.training.metrics import Evaluation

CHUNK = 4096  # images decoded, then predicted, at a time: bounds the memory


@dataclass(frozen=True)
class Prediction:
    """What the model says about one image.

    Attributes:
        path: the image file.
        top: (class name, probability), the most probable first.
    """

    path: str
    top: tuple[tuple[str, float], ...]


class SavedModel:
    """The model in the checkpoint file `path`, with its preprocessing and class names."""

    def __init__(self, path: Path) -> None:
        saved = checkpoint.load(path)
        self.path = path
        self.state: State = saved.state
        set_threads(self.state.threads)
        model = Model(
            self.state.config.model.hidden(),
            int(np.prod(self.state.image.shape)),
            len(self.state.class_names),
            self.state.config.training.loss,
        )
        targets = {name: model.arena.value(name) for name in model.arena.slots}
        checkpoint.fill(path, "parameters", targets, saved.parameters)
        self._predictor = Predictor(model)

    def evaluate(self, dataset: Dataset, progress: Callable[[int, int], None]) -> Evaluation:
        """Compare the predictions for a labelled split with its labels."""
        return evaluate(
            self._predictor,
            self._batches(dataset.images, dataset.labels),
            self.state.class_names,
            progress,
        )

    def predict(self, paths: Sequence[str], top_k: int) -> Iterator[Prediction | BadImage]:
        """Yield for each path, in order, its `top_k` most probable classes, or why it is bad."""
        for first in range(0, len(paths), CHUNK):
            chunk = paths[first : first + CHUNK]
            loaded = load_images(chunk, self.state.image)
            answers: dict[int, Prediction | BadImage] = {
                int(index): Prediction(chunk[index], top)
                for index, top in zip(loaded.indices, self._top(loaded.images, top_k), strict=True)
            }
            bad = (index for index in range(len(chunk)) if index not in answers)
            answers |= zip(bad, loaded.bad, strict=True)
            yield from (answers[index] for index in range(len(chunk)))

    def _top(
        self, images: NDArray[np.uint8], top_k: int
    ) -> Iterator[tuple[tuple[str, float], ...]]:
        names = self.state.class_names
        batches = self._batches(images, np.zeros(len(images), np.int64))
        for _, probabilities, _ in self._predictor.run(batches):
            for row in probabilities:
                order = np.argsort(-row, kind="stable")[:top_k]
                yield tuple((names[index], float(row[index])) for index in order)

    def _batches(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Batches:
        return Batches(images, labels, self.state.normalization)

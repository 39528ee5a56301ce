"""The model alone, as a checkpoint without the optimizer's state."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from mlptrain.export.target import Target, targets
from mlptrain.training import checkpoint
from mlptrain.training.trained_model import TrainedModel


@targets.register
class Weights(Target):
    """A checkpoint without the optimizer's state, for mlptrain's `eval`, `predict` and
    `init_from`: with Adam, a third of the size."""

    type: Literal["weights"] = "weights"
    title: ClassVar[str] = "a checkpoint"
    name: ClassVar[str] = "weights.safetensors"
    tools: ClassVar[Sequence[str]] = ("mlptrain",)
    runs: ClassVar[str] = (
        "from pathlib import Path\n"
        "from mlptrain.training.trained_model import load_model\n"
        "y = np.array([v.copy() for _, v in load_model(Path(path)).answers(x, 1)])"
    )

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        arena = model.network.arena
        fetched = (
            {name: arena.backend.fetch(array) for name, array in arrays.items()}
            for arrays in (arena.by_name(), {}, arena.state_by_name())
        )
        return {self.name: checkpoint.encoded(model.state, *fetched)}

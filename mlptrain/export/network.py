"""A trained model as a list of steps: what every export reads.

The steps begin with the numbers of an example, pixels 0 … 255 or columns of a table, and end with
its prediction, in the units of the targets. All arrays are float32.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images.form import Form
from mlptrain.errors import UsageError
from mlptrain.functions.activations import Activation, Identity
from mlptrain.nn import layers as nn
from mlptrain.text import exact, show_name
from mlptrain.training.trained_model import TrainedModel

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One step from the numbers of an example to its prediction. `kind`: what to call it."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Scale(Step):
    """y = x scale + offset, by the last axis: scale and offset (k,) or (1,)."""

    kind = "scale"
    scale: Floats
    offset: Floats


@dataclass(frozen=True)
class Reshape(Step):
    """Each example in another shape."""

    kind = "reshape"
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Dense(Step):
    """y = x kernel + bias: kernel (inputs, units), bias (units,)."""

    kind = "dense"
    kernel: Floats
    bias: Floats


@dataclass(frozen=True)
class Activate(Step):
    """An activation, by its name in `spellings`, with its settings; softmax is over the last
    axis."""

    kind = "activation"
    name: str
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Dropout(Step):
    """Does nothing in prediction."""

    kind = "dropout"
    rate: float


@dataclass(frozen=True)
class Residual(Step):
    """y = x + steps(x)."""

    kind = "residual"
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Network:
    """A trained model.

    Attributes:
        task: the task's name.
        shape: of an example's inputs: an image (H, W, C), or numbers (k,).
        form: what image files are converted to; None: the inputs are numbers.
        features: the columns of a table that the numbers are in, if they have names.
        names: of the classes, labels or numbers.
        values: what stands for each class in a mask.
        predicts: the shape of a prediction.
        steps: from inputs (n, *shape) to predictions (n, *predicts).
    """

    task: str
    shape: tuple[int, ...]
    form: Form | None
    features: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[int, ...]
    predicts: tuple[int, ...]
    steps: tuple[Step, ...]

    def about(self) -> dict[str, Any]:
        """What the steps do not say, as JSON has it: the task, what predictions mean, and how image
        files become inputs."""
        names = [exact(name) for name in self.names]
        about: dict[str, Any] = {"task": self.task, "names": names, "shape": list(self.shape)}
        if self.features:
            about["features"] = [exact(name) for name in self.features]
        if self.values:
            about["values"] = list(self.values)
        if self.form:
            form = self.form
            image = {"mode": form.mode, "height": form.height, "width": form.width}
            about["image"] = {**image, "resize": form.resize, "background": form.background}
        return about

    def all_steps(self) -> Iterator[Step]:
        """Every step, with those inside others."""
        return _flat(self.steps)


def describe(model: TrainedModel) -> Network:
    """`model` as a network. Raises UsageError for a layer that a plug-in defines."""
    state, arena, head = model.state, model.network.arena, model.network.head
    arrays = {
        name: np.asarray(arena.backend.fetch(array), np.float32)
        for name, array in arena.by_name().items()
    }
    predicts = model.task.prediction_shape(state.shape, state.targets.names)
    steps: list[Step] = [_scale(state.normalization.scale, state.normalization.offset)]
    if not model.takes_numbers:
        steps.append(Reshape((math.prod(state.shape),)))
    steps += _steps([(each.name, each.layer) for each in model.network.layers], arrays)
    if len(predicts) > 1:
        steps.append(Reshape(predicts))
    steps += _activation(head.activation)
    if state.targets.mean:
        steps.append(_scale(state.targets.std, state.targets.mean))
    return Network(
        task=model.task.type,
        shape=(math.prod(state.shape),) if model.takes_numbers else state.shape,
        form=None if model.takes_numbers else model.image.form,
        features=state.features,
        names=state.targets.names,
        values=state.targets.values,
        predicts=predicts,
        steps=tuple(steps),
    )


def _scale(scale: Any, offset: Any) -> Scale:
    return Scale(np.asarray(scale, np.float32), np.asarray(offset, np.float32))


def _steps(layers: Sequence[tuple[str, nn.Layer]], arrays: Mapping[str, Floats]) -> Iterator[Step]:
    """The steps of `layers`, given with the names by which `arrays` holds their parameters."""
    for name, layer in layers:
        match layer:
            case nn.Dense():
                kernel = arrays[f"{name}/kernel"]
                zeros = np.zeros(layer.units, np.float32)
                yield Dense(kernel, arrays.get(f"{name}/bias", zeros))
                yield from _activation(layer.activation)
            case nn.Dropout():
                yield Dropout(layer.rate)
            case nn.Residual():
                inside = [(f"{name}/{each}", part) for each, part in nn.named(layer.layers)]
                yield Residual(tuple(_steps(inside, arrays)))
            case _:
                kind = show_name(str(layer.model_dump()["type"]))
                raise UsageError(
                    f"--to: the layer '{kind}' is a plug-in's, and no other tool has it. "
                    "--to weights keeps it, for mlptrain with the plug-in."
                )


def _activation(function: Activation) -> Iterator[Activate]:
    settings = function.model_dump()
    name = settings.pop("type")
    if settings.pop("approximate", False):
        name += "_tanh"
    if not isinstance(function, Identity):
        yield Activate(name, settings)


def _flat(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Residual):
            yield from _flat(step.steps)

"""From steps back to a model: the inverse of `network.describe`. What a model of mlptrain cannot be
is refused by name."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from mlptrain.backend.choice import choose_backend
from mlptrain.config.schema import Config
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.names import distinct
from mlptrain.data.normalization import Normalization
from mlptrain.export.network import Activate, Dense, Dropout, Floats, Reshape, Residual, Scale, Step
from mlptrain.export.source import Read
from mlptrain.functions.activations import Activation, Identity, activations
from mlptrain.nn import layers as nn
from mlptrain.paths import UnreadableError
from mlptrain.tasks.task import TargetSpec
from mlptrain.text import show_name
from mlptrain.training.checkpoint import Progress, State
from mlptrain.training.environment import environment
from mlptrain.training.trained_model import TrainedModel, network_of

OUTPUTS = {  # the activation of each task's output
    "classification": "softmax",
    "multi_label": "sigmoid",
    "regression": None,
    "autoencoder": "sigmoid",
    "segmentation": "softmax",
}
BY_OUTPUT = {"softmax": "classification", "sigmoid": "multi_label", "exponential": "regression"}
COLOURS = {1: "grayscale", 3: "rgb"}
Arrays = dict[str, Floats]


class Parts(NamedTuple):
    """The steps of a network, taken apart.

    Attributes:
        scale, last_scale: of the inputs and of the predictions; None: there is none.
        hidden: the steps between.
        output: the output layer.
        head: the name of the activation behind it.
    """

    scale: Scale | None
    hidden: list[Step]
    output: Dense
    head: str | None
    last_scale: Scale | None


def rebuilt(read: Read, task: str | None) -> TrainedModel:
    """The model that `read` describes, for `task`, unless the file says. Raises UnreadableError;
    what does not fit together raises other errors, too."""
    about, parts = read.about or {}, _taken_apart(read.steps)
    task = about.get("task", task) or _task(parts)
    parts = _with_two_classes(parts, task)
    _require_output(parts, task)
    given = about["names"] if "names" in about else _names(task, len(parts.output.bias))
    names = distinct(tuple(given))
    image = _image(read, parts.scale)
    shape = image.shape if image else (math.prod(read.shape),)
    hidden, arrays, width = _layers(parts.hidden, math.prod(shape))
    _require_shape("the output layer", parts.output, width)
    arrays |= {"output/kernel": parts.output.kernel, "output/bias": parts.output.bias}
    config = _config(task, names, image, hidden, parts.head)
    units, found = config.task.head(shape, names).units, len(parts.output.bias)
    if units != found:
        raise UnreadableError(f"has {found:,} outputs where {task} with these names has {units:,}")
    state = State(
        config=config,
        targets=_targets(task, names, about, parts.last_scale),
        shape=shape,
        features=tuple(about.get("features", ())),
        image=image or ImageSettings(),
        normalization=_normalization(parts.scale, images=image is not None),
        progress=Progress(),
        threads=1,
        fingerprints={"train": ""},
        environment=environment(),
    )
    network = network_of(config, shape, names, choose_backend())
    for name, own in network.arena.by_name().items():
        own[...] = network.arena.backend.put(arrays[name])
    return TrainedModel(state, network)


def _taken_apart(steps: Sequence[Step]) -> Parts:
    """The steps from both ends: scaling and flattening, hidden steps, output, activation, shape,
    scaling."""
    rest = list(steps)
    scale: Scale | None = None
    while rest and isinstance(first := rest[0], Scale | Reshape):
        scale = first if isinstance(first, Scale) else scale
        rest.pop(0)
    last_scale = head = None
    if rest and isinstance(last := rest[-1], Scale):
        last_scale = last
        rest.pop()
    if rest and isinstance(last := rest[-1], Activate):
        head = last.name
        rest.pop()
    if rest and isinstance(rest[-1], Reshape):
        rest.pop()
    output = rest.pop() if rest else None
    if not isinstance(output, Dense):
        raise UnreadableError(
            f"ends in {output.kind if output else 'nothing'}, not in a dense layer"
        )
    return Parts(scale, rest, output, head, last_scale)


def _task(parts: Parts) -> str:
    """The task that the output's activation suggests."""
    if parts.head == "sigmoid" and len(parts.output.bias) == 1:
        return "classification"
    return BY_OUTPUT.get(parts.head or "", "regression")


def _with_two_classes(parts: Parts, task: str) -> Parts:
    """`parts` with two outputs if a single one gives the probability of the second of two classes;
    its logit is then the difference of two."""
    if task != "classification" or parts.head != "sigmoid" or len(parts.output.bias) != 1:
        return parts
    kernel, bias = parts.output.kernel, parts.output.bias
    both = Dense(*(np.concatenate([0 * each, each], -1) for each in (kernel, bias)))
    return parts._replace(output=both, head="softmax")


def _require_output(parts: Parts, task: str) -> None:
    """Raise UnreadableError unless the output suits `task`. Classifiers may leave out the
    activation, as those that were trained on logits do."""
    wanted = OUTPUTS.get(task, "")
    is_rate = task == "regression" and parts.head == "exponential"
    if not (parts.head == wanted or is_rate or (parts.head is None and wanted)):
        raise UnreadableError(
            f"has the output activation {show_name(parts.head or 'identity')}, but "
            f"{show_name(str(task))} has {wanted or 'identity'}"
        )
    if parts.last_scale and task != "regression":
        raise UnreadableError(f"scales its output, which {show_name(str(task))} does not")


def _names(task: str, units: int) -> tuple[str, ...]:
    if task in {"autoencoder", "segmentation"}:
        raise UnreadableError(f"does not say its names and shapes, which {task} needs")
    if task == "regression":
        return ("target",) if units == 1 else tuple(f"target_{i}" for i in range(units))
    return tuple(map(str, range(units)))


def _image(read: Read, scale: Scale | None) -> ImageSettings | None:
    """How images become inputs; None: the inputs are numbers. A network of images says so, or
    begins with a scaling of pixels (H, W) or (H, W, 1 or 3)."""
    if read.about and "image" in read.about:
        image = ImageSettings.model_validate(read.about["image"])
        if math.prod(image.shape) != math.prod(read.shape):
            raise UnreadableError(f"takes inputs of the shape {read.shape}, not of {image.shape}")
        return image
    shape = read.shape if len(read.shape) == 3 else (*read.shape, 1)
    if scale is None or len(shape) != 3 or shape[2] not in COLOURS:
        return None
    return ImageSettings.model_validate(
        {"mode": COLOURS[shape[2]], "height": shape[0], "width": shape[1]}
    )


def _normalization(scale: Scale | None, *, images: bool) -> Normalization:
    """The normalization that gives x scale + offset."""
    unit: Literal[1, 255] = 255 if images else 1
    factor, offset = (1.0, 0.0) if scale is None else (scale.scale, scale.offset)
    factors = np.atleast_1d(np.asarray(factor, np.float64))
    if not (factors > 0).all():
        raise UnreadableError(
            f"scales inputs by {factors.min():g}; only factors above 0 can be read"
        )
    std = 1 / (unit * factors)
    mean = -np.asarray(offset, np.float64) * std
    return Normalization(mean=tuple(mean.tolist()), std=tuple(std.tolist()), unit=unit)


def _layers(steps: Sequence[Step], width: int) -> tuple[list[nn.Layer], Arrays, int]:
    """The layers for `steps` on `width` numbers, their arrays by name, and the width behind."""
    found: list[tuple[nn.Layer, Arrays]] = []
    for step in steps:
        match step:
            case Dense():
                _require_shape(f"layer {len(found) + 1}", step, width)
                width = len(step.bias)
                own = {"kernel": step.kernel, "bias": step.bias}
                found.append((nn.Dense(units=width), own))
            case Activate():
                layer = found[-1][0] if found else None
                if not isinstance(layer, nn.Dense) or not isinstance(layer.activation, Identity):
                    raise UnreadableError(
                        f"has the activation {show_name(step.name)}, not behind a dense layer"
                    )
                active = layer.model_copy(update={"activation": _activation(step)})
                found[-1] = (active, found[-1][1])
            case Dropout():
                found.append((nn.Dropout(rate=step.rate), {}))
            case Residual():
                inside, arrays, after = _layers(step.steps, width)
                if after != width:
                    raise UnreadableError(f"adds {after} numbers to {width} in a residual block")
                found.append((nn.Residual(layers=tuple(inside)), arrays))
            case _:
                raise UnreadableError(f"has a step {step.kind} between its layers")
    layers = [layer for layer, _ in found]
    by_name = {
        f"{name}/{each}": array
        for (name, _), (_, own) in zip(nn.named(layers), found, strict=True)
        for each, array in own.items()
    }
    return layers, by_name, width


def _activation(step: Activate) -> Activation:
    name = step.name.removesuffix("_tanh")
    if name not in activations:
        raise UnreadableError(f"has the activation {show_name(name)}, which is unknown")
    settings = {**step.settings, "approximate": True} if name != step.name else step.settings
    return activations[name].model_validate(dict(settings))


def _require_shape(what: str, dense: Dense, width: int) -> None:
    kernel, bias = dense.kernel.shape, dense.bias.shape
    if len(kernel) != 2 or kernel[0] != width or bias != kernel[1:] or 0 in kernel:
        raise UnreadableError(
            f"has in {what} arrays of the shapes {kernel} and {bias} for {width} numbers"
        )


def _config(
    task: str,
    names: tuple[str, ...],
    image: ImageSettings | None,
    hidden: Sequence[nn.Layer],
    head: str | None,
) -> Config:
    """A config with the task and the layers, and no data."""
    about_task = {"targets": names} if task == "regression" else {}
    training = {"loss": "poisson"} if head == "exponential" else {}
    return Config.model_validate(
        {
            "task": {"type": task, **about_task},
            "data": {"train": {"type": "arrays"}, "validation": None, "image": image or {}},
            "model": {"layers": tuple(hidden)},
            "training": {**training, "early_stopping": None},
        }
    )


def _targets(
    task: str, names: tuple[str, ...], about: Mapping[str, Any], scale: Scale | None
) -> TargetSpec:
    if task == "autoencoder":
        return TargetSpec(names=())
    if task != "regression":
        return TargetSpec(names=names, values=tuple(about.get("values", ())))
    count = len(names)
    last = scale or Scale(np.ones(count, np.float32), np.zeros(count, np.float32))
    return TargetSpec(names=names, mean=tuple(last.offset.tolist()), std=tuple(last.scale.tolist()))

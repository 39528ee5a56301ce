"""A warm start: training begins with the weights of another model, found by their names.

The hidden layers must be the same. The output layer is kept if it stands for the same things, such
as classes; else it is new. With the weights of a run comes what they were trained for: how inputs
and, if the output layer is kept, numbers to predict are scaled.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlptrain.backend.call import Array
from mlptrain.config.schema import Config, InitFrom
from mlptrain.data.dataset import Dataset
from mlptrain.data.sources.npz import read_arrays
from mlptrain.errors import ConfigError, ModelFileError
from mlptrain.functions.activations import Activation
from mlptrain.nn.layers import Block, Dense, Layer, named
from mlptrain.nn.model import Model
from mlptrain.optim.optimizers import MiniBatchOptimizer
from mlptrain.paths import opened
from mlptrain.tasks.task import TargetSpec
from mlptrain.text import show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import PARAMETERS, STATE, Checkpoint, State
from mlptrain.training.datasets import Splits, scaled_as
from mlptrain.training.model_path import find_checkpoint
from mlptrain.training.origin import Origin
from mlptrain.training.trained_model import network_of
from mlptrain.training.trainer import Trainer

HEAD = "output/"
KEY = "training.init_from"


@dataclass(frozen=True)
class Start:
    """The weights to start from.

    Attributes:
        path: their file.
        origin: what the checkpoints of the new run record of it.
        groups: the arrays, by group and by their names in the arena.
        saved: the checkpoint, unless the file is an .npz.
    """

    path: Path
    origin: Origin
    groups: Mapping[str, Mapping[str, Array]]
    saved: Checkpoint | None

    def prepare(self, config: Config, model: Model, splits: Splits) -> Splits:
        """`splits`, with a note on the start, and with numbers to predict scaled as the output
        layer expects. Raises ConfigError or ModelFileError unless the weights fit `model` and
        data."""
        self._require_fit(config, model, splits.train)
        new = self._new_head(config, model, config.task.spec(splits.train.targets))
        note = f"training starts from {show_path(self.path)}"
        if new:
            note += f"; the output layer is new: {new}"
        elif self.saved:
            splits = scaled_as(splits, self.saved.state.targets)
        return replace(splits, notes=(note, *splits.notes))

    def fill(self, config: Config, trainer: Trainer) -> None:
        """Copy the weights and, if the config says so, the state of the optimizer."""
        model = trainer.model
        head_is_new = self._new_head(config, model, trainer.spec) is not None
        for group, arrays in _groups(model).items():
            for name, array in arrays.items():
                if not (head_is_new and name.startswith(HEAD)):
                    given = self.groups[group][name].astype(array.dtype)
                    array[...] = model.arena.backend.put(given)
        if self.origin.optimizer == "keep":
            self._fill_optimizer(config, trainer, head_is_new=head_is_new)

    def _new_head(self, config: Config, model: Model, spec: TargetSpec) -> str | None:
        """Why `model`, for targets with `spec`, cannot have the output layer of these weights; None
        if it can."""
        units, found = model.head.units, self.groups[PARAMETERS].get(f"{HEAD}kernel")
        if found is None:
            return "the file has none"
        if found.shape[-1:] != (units,):
            return f"that of the file has {found.shape[-1]} units, this one {units}"
        return None if self.saved is None else _other_targets(self.saved.state, config, spec)

    def _require_fit(self, config: Config, model: Model, train: Dataset) -> None:
        lines = []
        if self.saved:
            hidden = self.saved.state.config.model.hidden()
            lines += _other_inputs(self.saved.state, train)
            lines += _other_activations(hidden, config.model.hidden())
        new = self._new_head(config, model, config.task.spec(train.targets))
        for group, arrays in _groups(model).items():
            found = self.groups[group]
            for name in sorted({**arrays, **found}, key=lambda name: name.startswith(HEAD)):
                there, here = _shape(found, name), _shape(arrays, name)
                if there != here and not (new and name.startswith(HEAD)):
                    lines.append(f"{name}: {there} there, {here} here")
        if lines:
            raise ModelFileError(
                f"{KEY}: {show_path(self.path)} does not fit the model:\n"
                + "".join(f"  {line}\n" for line in lines)
                + "Use the same hidden layers and inputs; only the output layer may be another."
            )
        theirs = self.saved and self.saved.state.config.data.normalize
        if theirs and theirs != config.data.normalize:
            raise ConfigError(
                f"{KEY}: the weights in {show_path(self.path)} were trained with data.normalize: "
                f"{theirs}, not {config.data.normalize}. Set it to {theirs}."
            )

    def _fill_optimizer(self, config: Config, trainer: Trainer, *, head_is_new: bool) -> None:
        """Copy the optimizer's state. Raises ConfigError if there is none that fits."""
        ours = config.training.optimizer
        theirs = None if self.saved is None else self.saved.state.config.training.optimizer
        if not isinstance(ours, MiniBatchOptimizer):
            raise _cannot_keep(f"{_type(ours)} looks at all examples, and these are others")
        if self.saved is None or theirs is None:
            raise _cannot_keep("an .npz holds none")
        if type(theirs) is not type(ours) or theirs.state() != ours.state():
            raise _cannot_keep(f"it is that of another {_type(theirs)}, this is {_type(ours)}")
        if head_is_new:
            raise _cannot_keep("the output layer is new")
        now, state = trainer.model.arena, self.saved.state
        then = network_of(state.config, state.shape, state.targets.names, now.backend).arena
        for name, vector in trainer.descent.vectors.items():
            found = then.by_name(self.saved.optimizer[name])
            for each, array in now.by_name(vector).items():
                array[...] = now.backend.put(found[each].astype(array.dtype))
        before = state.progress
        trainer.progress.steps_before = before.step + before.steps_before


def read_start(init: InitFrom) -> Start:
    """Read the weights to start from. Raises ModelFileError or DataError."""
    path, saved = Path(init.path), None
    groups: dict[str, Mapping[str, Array]] = {PARAMETERS: {}, STATE: {}}
    if path.suffix.lower() == ".npz":
        for name, array in read_arrays(init.path).items():
            group, _, rest = name.partition("/")
            if group not in groups:
                raise ModelFileError(
                    f"{KEY}: {show_path(path)} holds the array '{show_name(name)}'. Expected are "
                    "the names in a checkpoint, such as parameters/dense_1/kernel."
                )
            groups[group] = {**groups[group], rest: array}
    else:
        path = find_checkpoint(path)
        saved = checkpoint.load(path)
        groups = {PARAMETERS: saved.parameters, STATE: saved.layer_state}
    with opened(os.fspath(path)) as (file, _):
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return Start(
        path, Origin(path=str(path), sha256=digest, optimizer=init.optimizer), groups, saved
    )


def _groups(model: Model) -> dict[str, dict[str, Array]]:
    return {PARAMETERS: model.arena.by_name(), STATE: model.arena.state_by_name()}


def _other_targets(saved: State, config: Config, spec: TargetSpec) -> str | None:
    """What is different about what the output layer stands for."""
    if saved.config.task.type != config.task.type:
        return f"that of the file is for the task {saved.config.task.type}"
    if saved.targets.names != spec.names:
        return "that of the file is for targets with other names"
    if saved.config.training.loss.of_counts != config.training.loss.of_counts:
        return f"that of the file is for the loss {saved.config.training.loss.type}"
    return None


def _other_activations(then: Sequence[Layer], now: Sequence[Layer]) -> list[str]:
    """Where layers of the same name have different activations."""
    there, here = dict(_activations(then)), dict(_activations(now))
    return [
        f"activation of {name}: {_text(there[name])} there, {_text(here[name])} here"
        for name in there
        if name in here and there[name] != here[name]
    ]


def _activations(layers: Sequence[Layer], before: str = "") -> Iterator[tuple[str, Activation]]:
    """The activation of each dense layer, by its name in the arena."""
    for name, layer in named(layers):
        if isinstance(layer, Block):
            yield from _activations(layer.layers, f"{before}{name}/")
        elif isinstance(layer, Dense):
            yield before + name, layer.activation


def _other_inputs(saved: State, train: Dataset) -> list[str]:
    """What is different about the inputs of `train`."""
    then = saved.shape, saved.features, saved.normalization.unit == 255
    now = train.inputs.shape[1:], train.features, train.inputs.dtype == np.uint8
    lines = []
    for what, there, here in zip(("shape", "features", "images"), then, now, strict=True):
        if there != here:
            lines.append(f"{what} of the inputs: {_text(there)} there, {_text(here)} here")
    return lines


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(show_name(str(each)) for each in value) or "none"
    if isinstance(value, Activation):
        return " ".join(str(each) for each in value.model_dump().values())
    return "yes" if value else "no"


def _cannot_keep(reason: str) -> ConfigError:
    return ConfigError(
        f"{KEY}.optimizer: the optimizer's state cannot be kept: {reason}. Set it to new."
    )


def _type(definition: object) -> str:
    return str(type(definition).model_fields["type"].default)  # type: ignore[attr-defined]


def _shape(arrays: Mapping[str, Array], name: str) -> str:
    return " × ".join(map(str, arrays[name].shape)) if name in arrays else "none"

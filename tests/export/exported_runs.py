"""Runs for the tests of exports, and what runs an export here."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.export.comparison import examples
from mlptrain.export.target import Target
from mlptrain.functions.activations import activations
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import TrainedModel

DIGITS = Path(__file__).parents[2] / "data" / "digits"
DENSE = [f"{{type: dense, units: 6, activation: {name}}}" for name in activations]
DENSE += ["{type: dense, units: 6, activation: {type: elu, alpha: 1e-05}, use_bias: false}"]
DENSE += ["{type: dropout, rate: 0.1}"]
GELU = "{type: dense, units: 6, activation: {type: gelu, approximate: true}}"
PLAIN = f"model={{layers: [{', '.join(DENSE)}]}}"
EVERYTHING = f"""model={{layers: [{", ".join(DENSE[:6])},
{{type: residual, layers: [{", ".join(DENSE[6:])}, {{type: residual, layers: [{GELU}]}}]}}]}}"""


def train(config: Path, run_dir: Path, *overrides: str) -> Path:
    """Train in this process; returns the run folder."""
    with (
        StopRequest() as stop,
        prepare_run(config, overrides, run_dir, resume=False, reading=lambda *_: None) as run,
    ):
        for _ in run.train(stop):
            pass
    return run_dir


def given(model: TrainedModel) -> NDArray[Any]:
    """Examples of the model's run, as its exports take them."""
    inputs = examples(model)[0]
    return inputs.reshape(len(inputs), -1).astype(np.float32) if model.takes_numbers else inputs


def predicted(model: TrainedModel, inputs: NDArray[Any]) -> NDArray[Any]:
    """The model's predictions, flat."""
    return np.array([values.copy() for _, values in model.answers(inputs, 1)])


def own(model: TrainedModel) -> NDArray[Any]:
    """The model's predictions for the examples of its run."""
    return predicted(model, examples(model)[0])


def written(target: Target, model: TrainedModel, place: Path) -> Path:
    """Write the export of a model into the folder `place`; returns its path."""
    for name, data in target.files(model).items():
        (place / name).write_bytes(data)
    return place if target.is_folder else place / target.name


def both(target: Target, model: TrainedModel, place: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The predictions of an export, run in this process, and those of its model."""
    path = written(target, model, place)
    names: dict[str, Any] = {"path": str(path), "x": given(model), "np": np}
    exec(target.runs, names)
    ours = own(model)
    return np.asarray(names["y"]).reshape(ours.shape), ours

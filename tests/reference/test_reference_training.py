"""Ten training steps are PyTorch's: losses and all parameters, within 1e-10 relative."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from reference_runs import RUNS, SIZES, STEPS, ReferenceRun, parameter_shapes
from stepping import Updates, clip

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array
from mlptrain.functions.activations import ReLU, Softmax, Tanh
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model
from mlptrain.optim import optimizers

NAMES = [
    f"{layer}/{part}" for layer in ("dense_1", "dense_2", "output") for part in ("kernel", "bias")
]
TOLERANCE = 1e-10


@pytest.fixture(scope="module")
def recorded() -> Iterator[dict[str, Array]]:
    with np.load(Path(__file__).with_name("training.npz")) as file:
        yield dict(file)


def views(vector: Array) -> dict[str, Array]:
    """A recorded vector as named parameters."""
    ends = np.cumsum([int(np.prod(shape)) for shape in parameter_shapes()])
    parts = np.split(vector, ends[:-1])
    shapes = parameter_shapes()
    return {n: p.reshape(s) for n, p, s in zip(NAMES, parts, shapes, strict=True)}


def trained(run: ReferenceRun, recorded: dict[str, Array]) -> tuple[list[float], Arena]:
    model = Model(
        [Dense(units=SIZES[1], activation=ReLU()), Dense(units=SIZES[2], activation=Tanh())],
        SIZES[0],
        Head(SIZES[3], Softmax()),
        CrossEntropy(label_smoothing=run.label_smoothing),
        np.float64,
    )
    for name, values in views(recorded["initial"]).items():
        model.arena.value(name)[...] = values
    optimizer = optimizers.optimizers[run.optimizer["type"]](**run.optimizer)
    updater = Updates(optimizer, model.arena)
    x, labels = recorded["x"], recorded["labels"]
    program = model.plan_training(x.shape[1], None)
    losses = []
    for step in range(STEPS):
        program.x.value[...] = x[step]
        program.targets.value[...] = labels[step]
        weights = np.array(run.class_weights or [1.0] * SIZES[-1])[labels[step]]
        program.weights.value[...] = weights / weights.sum()
        program.plan.forward()
        program.plan.backward()
        losses.append(float(program.loss.value))
        if optimizer.clip_norm is not None:
            clip(model.arena, optimizer.clip_norm)
        updater.update(optimizer.learning_rate)
    return losses, model.arena


def deviations(run: ReferenceRun, name: str, recorded: dict[str, Array]) -> dict[str, float]:
    """The largest relative deviation of the losses and of each parameter, entry by entry."""
    losses, arena = trained(run, recorded)
    wanted = {"losses": recorded[f"{name}/losses"]} | views(recorded[f"{name}/parameters"])
    got = {"losses": np.array(losses)} | {each: arena.value(each) for each in NAMES}
    return {
        each: float((np.abs(got[each] - wanted[each]) / np.abs(wanted[each])).max())
        for each in wanted
    }


@pytest.mark.parametrize("name", RUNS)
def test_losses_and_parameters_are_those_of_pytorch(name: str, recorded: dict[str, Array]) -> None:
    found = deviations(RUNS[name], name, recorded)
    assert set(found) == {"losses", *NAMES}
    assert max(found.values()) < TOLERANCE, found


@pytest.mark.parametrize("name", RUNS)
def test_every_run_learns_and_every_parameter_moves(name: str, recorded: dict[str, Array]) -> None:
    """The record itself is worth comparing with."""
    before, after = recorded["initial"], recorded[f"{name}/parameters"]
    assert (before != after).all()
    others = [recorded[f"{other}/parameters"] for other in RUNS if other != name]
    assert all(np.abs(after - other).max() > 1e-3 for other in others)
    assert recorded[f"{name}/losses"].shape == (STEPS,)


@pytest.mark.parametrize("name", RUNS)
def test_a_change_of_one_part_in_a_million_is_seen(name: str, recorded: dict[str, Array]) -> None:
    settings = dict(RUNS[name].optimizer)
    settings["learning_rate"] *= 1 + 1e-6
    assert max(deviations(RUNS[name]._replace(optimizer=settings), name, recorded).values()) > 1e-8

"""Layers with `trainable: false`: nothing changes their parameters, the others learn as ever."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import interrupted, opened, require_same, settings, train, write_data

from mlptrain.cli.header import network
from mlptrain.training.signals import StopRequest

INSIDE = {"type": "residual", "layers": [{"type": "dense", "units": 4, "activation": "tanh"}]}
OPTIMIZERS: list[Any] = [
    {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1},
    {"type": "adamw", "weight_decay": 0.5, "clip_norm": 0.1},
    {"type": "lbfgs", "weight_decay": 0.1},
]


@pytest.fixture(autouse=True)
def data(tmp_path: Path) -> None:
    write_data(tmp_path)


def layers(*frozen: int, **extra: Any) -> dict[str, Any]:
    """A model of three layers, the `frozen` ones by number; `extra` settings of the second."""
    dense = {"type": "dense", "units": 4, "activation": "relu"}
    made: list[dict[str, Any]] = [dict(dense), {**dense, **extra}, dict(INSIDE)]
    for each in frozen:
        made[each]["trainable"] = False
    return {"layers": made}


def changed(folder: Path, config: dict[str, Any]) -> dict[str, bool]:
    """For each parameter, whether training changed it."""
    with opened(folder, config) as run:
        before = {name: array.copy() for name, array in run.model.arena.by_name().items()}
        list(run.train(StopRequest()))
        after = run.trainer.state()["parameters"]
        return {name: not np.array_equal(after[name], before[name]) for name in before}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("frozen", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_nothing_changes_a_frozen_layer(
    tmp_path: Path, optimizer: Any, frozen: tuple[int, ...]
) -> None:
    """Neither the update nor decay, a penalty or clipping."""
    config = settings(model=layers(*frozen), optimizer=optimizer, l2=0.1)
    names = ("dense_1/", "dense_2/", "residual_1/")
    still = tuple(names[each] for each in frozen)
    for name, is_changed in changed(tmp_path, config).items():
        assert is_changed != name.startswith(still or "none"), name


def test_a_layer_within_a_block_can_be_frozen(tmp_path: Path) -> None:
    dense = {"type": "dense", "units": 4, "activation": "tanh"}
    inside = [dense, {**dense, "trainable": False}]
    model = {"layers": [{"type": "residual", "layers": inside}]}
    moved = changed(tmp_path, settings(model=model))
    assert {name for name, is_changed in moved.items() if not is_changed} == {
        "residual_1/dense_2/kernel",
        "residual_1/dense_2/bias",
    }


def test_neither_its_constraint_nor_its_penalty_counts(tmp_path: Path) -> None:
    extra = {"kernel_constraint": {"type": "max_norm", "limit": 1e-3}}
    moved = changed(tmp_path, settings(model=layers(1, **extra)))
    assert not moved["dense_2/kernel"]
    losses = []
    for regularizer in (None, {"type": "l2", "factor": 10.0}):
        model = layers(1, kernel_regularizer=regularizer)
        with opened(tmp_path, settings(model=model), f"run of {regularizer is None}") as run:
            losses.append(next(run.train(StopRequest())).loss)
    assert losses[0] == losses[1]


def test_the_others_get_the_same_gradient(tmp_path: Path) -> None:
    """That of the same model with no layer frozen."""
    gradients = []
    for number, frozen in enumerate([(), (1,)]):
        sgd = {"type": "sgd", "learning_rate": 1.0}
        config = settings(model=layers(*frozen), batch_size="full", optimizer=sgd, epochs=1)
        run = train(tmp_path, config, f"run{number}")
        arena = run.model.arena
        gradients.append({name: arena.gradient(name).copy() for name in arena.slots})
    free, held = gradients
    for name, gradient in held.items():
        wanted = 0 if name.startswith("dense_2/") else free[name]
        np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-7)
    assert any(gradient.any() for gradient in held.values())


def test_the_network_is_shown_with_what_is_frozen(tmp_path: Path) -> None:
    with opened(tmp_path, settings(model=layers(1))) as run:
        rows = {name: summary for name, summary, *_ in network(run)}
    assert (rows["dense_1"], rows["dense_2"]) == ("relu", "relu, frozen")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resuming_is_exact(tmp_path: Path, optimizer: Any) -> None:
    config = settings(model=layers(0), optimizer=optimizer)
    train(tmp_path, config, "whole")
    interrupted(tmp_path, config, "parts", after=1)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "whole", "parts")

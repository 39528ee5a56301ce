"""Training in float64: every number of every task, from the file to the prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import CLASSES, N, interrupted, opened, require_same, settings, train, write_data
from task_runs import TASKS, make_project

from mlptrain.errors import ModelFileError
from mlptrain.training import checkpoint
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import Prediction, load_model

FLOAT64 = "training.precision=float64"


def quiet(*_: object) -> None:
    """Nobody watches the reading."""


def floats_of(program: Any) -> set[str]:
    """The dtypes of the floating-point arrays of a program."""
    return {buffer.dtype.name for buffer in program.plan.buffers if buffer.dtype.kind == "f"}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_computes_in_float64(tmp_path: Path, task: str) -> None:
    config, losses = make_project(tmp_path, task), {}
    for precision in ("float32", "float64"):
        run = tmp_path / precision
        override = [f"training.precision={precision}"]
        with prepare_run(config, override, run, resume=False, reading=quiet) as job:
            list(job.train(StopRequest()))
            assert floats_of(job.trainer.descent.step(5).program) == {precision}
        saved = checkpoint.load(run / "last.safetensors")
        arrays = [*saved.parameters.values(), *saved.optimizer.values()]
        assert {array.dtype.name for array in arrays} == {precision}
        model = load_model(run / "best.safetensors")
        assert floats_of(model._predictor(1)._program) == {precision}
        losses[precision] = evaluate_model(model, "test", None, quiet).outcome.loss
    assert losses["float32"] != losses["float64"]
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", {"type": "sgd", "momentum": 0.9}, "lbfgs"])
def test_resuming_is_exact(tmp_path: Path, optimizer: Any) -> None:
    write_data(tmp_path)
    config = settings(precision="float64", optimizer=optimizer, class_weight="balanced")
    train(tmp_path, config, "whole")
    interrupted(tmp_path, config, "parts", after=1)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "whole", "parts")


def gathered(folder: Path, config: dict[str, Any]) -> Any:
    """The inputs, targets and weights of all examples, as a step gets them."""
    with opened(folder, config) as job:
        program = job.trainer.descent.step(N).program
        batches, backend = job.trainer.batches, job.backend
        examples = np.arange(N)
        x, y, w = (t.value for t in (program.x, program.targets, program.weights))
        calls = [*batches.calls(examples, x), *batches.target_calls(examples, y, w)]
        backend.bind(calls)()
        return x, y, w


@pytest.mark.parametrize("form", ["npz", "csv"])
def test_no_digit_of_inputs_targets_or_weights_is_lost(tmp_path: Path, form: str) -> None:
    random = np.random.default_rng(0)
    x, y, w = random.normal(size=(N, 2)), random.normal(size=N), random.uniform(1, 2, N)
    if form == "npz":
        np.savez(tmp_path / "d.npz", x=x, y=y, w=w)
        source: Any = "d.npz"
    else:
        rows = np.column_stack([x, y, w]).tolist()
        lines = [",".join(map(repr, row)) for row in rows]
        (tmp_path / "d.csv").write_text("\n".join(["a,b,target,w", *lines, ""]))
        source = {"type": "table", "path": "d.csv"}
    data = {"train": source, "validation": None, "normalize": "none", "weight": "w"}
    config = settings(data=data, task="regression", precision="float64", shuffle=False)
    made = gathered(tmp_path, config)
    np.testing.assert_array_equal(made[0], x)
    np.testing.assert_allclose(made[1][:, 0], (y - y.mean()) / y.std(), rtol=1e-14)
    np.testing.assert_allclose(made[2], w / w.sum(), rtol=1e-14)
    train(tmp_path, {**config, "training": {**config["training"], "epochs": 1}}, "one")
    path = tmp_path / "one/best.safetensors"
    np.save(tmp_path / "x.npy", x)
    answers = load_model(path).predict([str(tmp_path / "x.npy")], 1)
    values = [each.answer.values[0] for each in answers if isinstance(each, Prediction)]
    of = checkpoint.load(path).parameters
    hidden = np.maximum(x @ of["dense_1/kernel"] + of["dense_1/bias"], 0)
    outputs = hidden @ of["output/kernel"] + of["output/bias"]
    np.testing.assert_allclose(values, outputs[:, 0] * y.std() + y.mean(), rtol=1e-13)


def test_a_checkpoint_of_another_precision_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path)
    train(tmp_path, settings(), "single")
    saved = checkpoint.load(tmp_path / "single/best.safetensors")
    training = saved.state.config.training.model_copy(update={"precision": "float64"})
    state = saved.state.model_copy(
        update={"config": saved.state.config.model_copy(update={"training": training})}
    )
    path = tmp_path / "wrong.safetensors"
    checkpoint.save(path, state, saved.parameters, saved.optimizer, saved.layer_state)
    with pytest.raises(ModelFileError, match=r"parameters do not fit its own config.*<f4.*<f8"):
        load_model(path)


def test_classes_are_weighed_in_float64(tmp_path: Path) -> None:
    write_data(tmp_path)
    weights = {"0": 1 / 3, "1": 1.0, "2": 1e-6}
    _, y, w = gathered(tmp_path, settings(precision="float64", class_weight=weights))
    each = np.array([weights[str(label)] for label in y])
    np.testing.assert_allclose(w, each / each.sum(), rtol=1e-14)
    assert len(set(y)) == CLASSES

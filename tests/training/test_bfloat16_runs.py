"""Training with matrix products in bfloat16, by the plain rules: what is recorded, resumed,
evaluated and refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import interrupted, opened, require_same, settings, train, write_data

from mlptrain.backend.choice import choose_matmul_precision
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.cli.header import run as header
from mlptrain.errors import ConfigError
from mlptrain.training import checkpoint
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.trained_model import load_model

BF16: Any = {"matmul_precision": "bfloat16"}


@pytest.fixture(autouse=True)
def _plain_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLPTRAIN_KERNELS", "numpy")
    write_data(tmp_path)


def weights(folder: Path, run: str) -> np.ndarray[Any, Any]:
    return checkpoint.load(folder / run / "last.safetensors").parameters["dense_1/kernel"]


def test_a_run_says_how_its_products_were_rounded(tmp_path: Path) -> None:
    for wanted, used in (("float32", "float32"), ("auto", "float32"), ("bfloat16", "bfloat16")):
        job = train(tmp_path, settings(matmul_precision=wanted), wanted)
        state = checkpoint.load(tmp_path / wanted / "last.safetensors").state
        summary = json.loads((tmp_path / wanted / "summary.json").read_text())
        assert state.matmul_precision == summary["matmul_precision"] == used
        assert state.config.training.matmul_precision == wanted
        shown = [part for part in header(job, resume=False) if "kernels" in part]
        assert shown[0].endswith("bfloat16 products" if used == "bfloat16" else "kernels")
    exact, automatic, near = (weights(tmp_path, run) for run in ("float32", "auto", "bfloat16"))
    np.testing.assert_array_equal(exact, automatic)
    assert 0 < np.abs(exact - near).max() < 0.05


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_resuming_is_exact(tmp_path: Path, optimizer: str) -> None:
    config = settings(**BF16, optimizer=optimizer)
    train(tmp_path, config, "whole")
    interrupted(tmp_path, config, "parts", after=1)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "whole", "parts")


def test_what_auto_was_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(matmul_precision="auto")
    interrupted(tmp_path, config, "parts", after=1)
    monkeypatch.setattr(NumpyBackend, "matmul_precisions", ("bfloat16", "float32"))
    assert train(tmp_path, config, "parts", resume=True).model.matmul_precision == "float32"
    assert train(tmp_path, config, "another").model.matmul_precision == "bfloat16"


def test_a_checkpoint_is_evaluated_in_float32(tmp_path: Path) -> None:
    data = {"train": "train.npz", "validation": 0.3, "test": "held_out.npz"}
    train(tmp_path, settings(data=data, **BF16))
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    model = load_model(tmp_path / "run/best.safetensors")
    assert model.network.matmul_precision == "float32"
    outcome = evaluate_model(model, "test", None, lambda *_: None).outcome
    assert outcome.loss == summary["test"]["loss"]


def test_what_a_machine_lacks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path, settings(**BF16), "parts", after=1)
    monkeypatch.setattr(NumpyBackend, "matmul_precisions", ("float32",))
    says = "here, matrix products are in float32. Set float32 or auto; or set MLPTRAIN_KERNELS"
    with (
        pytest.raises(ConfigError, match=says),
        opened(tmp_path, settings(data={"train": "no.npz"}, **BF16)),
    ):
        pass
    assert not (tmp_path / "run").exists()
    says = "in which the saved state was trained, needs .* Resume on a machine that has them"
    with (
        pytest.raises(ConfigError, match=says),
        opened(tmp_path, settings(**BF16), "parts", resume=True),
    ):
        pass


def test_auto_is_the_fastest() -> None:
    backend = NumpyBackend()
    assert choose_matmul_precision("auto", backend) == "float32"
    backend.matmul_precisions = ("bfloat16", "float32")
    assert choose_matmul_precision("auto", backend) == "bfloat16"
    assert choose_matmul_precision("float32", backend) == "float32"
    assert choose_matmul_precision("auto", backend, "float32") == "float32"


def test_auto_leaves_float64_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NumpyBackend, "matmul_precisions", ("bfloat16", "float32"))
    config = settings(matmul_precision="auto", precision="float64")
    with opened(tmp_path, config) as job:
        assert job.model.matmul_precision == "float32"

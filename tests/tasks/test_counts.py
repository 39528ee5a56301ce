"""Regression of counts: the loss poisson, from the table to the prediction."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlptrain.errors import ConfigError, DataError
from mlptrain.tasks.metrics.measure import metrics_for
from mlptrain.training import checkpoint
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import Prediction, load_model

N = 300
RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(N, 2))
COUNTS = RANDOM.poisson(np.exp(1 + 0.8 * X[:, 0])).astype(float)


def write(folder: Path, counts: Any = COUNTS) -> Path:
    """A table of X and counts, a copy of it, and a config that learns them; returns the config."""
    rows = [f"{a!r},{b!r},{count!r}" for (a, b), count in zip(X.tolist(), counts, strict=False)]
    for name in ("d.csv", "copy.csv"):
        (folder / name).write_text("\n".join(["a,b,visits", *rows, ""]))
    source, copy = ({"type": "table", "path": name} for name in ("d.csv", "copy.csv"))
    training = {"loss": "poisson", "epochs": 40, "optimizer": {"type": "adam"}, "threads": 1}
    config = {
        "task": {"type": "regression", "targets": ["visits"]},
        "data": {"train": source, "test": copy, "validation": 0.2},
        "model": {"hidden_layers": [16]},
        "training": {**training, "batch_size": 20, "early_stopping": {"patience": 40}},
    }
    path = folder / "c.yaml"
    path.write_text(json.dumps(config))
    return path


def train(config: Path, *overrides: str) -> Path:
    run = config.parent / "run"
    with prepare_run(config, overrides, run, resume=False, reading=lambda *_: None) as job:
        list(job.train(StopRequest()))
    return run


def test_predictions_are_rates_in_the_units_of_the_targets(tmp_path: Path) -> None:
    path = train(write(tmp_path, COUNTS.tolist())) / "best.safetensors"
    model = load_model(path)
    assert model.state.targets.mean == (0.0,)
    assert model.state.targets.std == (1.0,)
    answers = model.predict([str(tmp_path / "d.csv")], 1)
    values = [each.answer.values[0] for each in answers if isinstance(each, Prediction)]
    of, form = checkpoint.load(path).parameters, model.state.normalization
    x = (X - np.array(form.mean)) / np.array(form.std)
    hidden = np.maximum(x @ of["dense_1/kernel"] + of["dense_1/bias"], 0)
    rates = np.exp(hidden @ of["output/kernel"] + of["output/bias"])[:, 0]
    np.testing.assert_allclose(values, rates, rtol=1e-4)
    assert np.corrcoef(rates, np.exp(1 + 0.8 * X[:, 0]))[0, 1] > 0.95

    outcome = evaluate_model(model, "test", None, lambda *_: None).outcome
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(COUNTS > 0, COUNTS * np.log(COUNTS / rates), 0) - COUNTS + rates
    assert outcome.loss == pytest.approx(terms.mean(), rel=1e-4)
    mse = metrics_for(outcome)["mse"]
    assert mse == pytest.approx(((rates - COUNTS) ** 2).mean(), rel=1e-4)


def test_a_negative_count_is_named(tmp_path: Path) -> None:
    counts = COUNTS.tolist()
    counts[4] = -2.5
    config = write(tmp_path, counts)
    with pytest.raises(DataError, match=r"d\.csv:6: visits is -2\.5\. training\.loss is one for"):
        train(config)
    np.savez(tmp_path / "d.npz", x=X, y=np.array(counts))
    source = (f"data.train={tmp_path}/d.npz", "data.test=null", "task=regression")
    with pytest.raises(DataError, match=r"d\.npz\[4\]: target is -2\.5\. training\.loss"):
        train(config, *source)
    train(config, *source, "training.loss=mean_squared_error")


def test_it_fits_regression_alone(tmp_path: Path) -> None:
    config = write(tmp_path, COUNTS.tolist())
    with pytest.raises(ConfigError, match="poisson does not fit the task classification"):
        train(config, "task=classification")

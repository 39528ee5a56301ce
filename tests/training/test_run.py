"""What a run does with its settings: clipping, the order of the examples, normalization, the seed;
and what it makes of a validation loss that is no number.

The first pixel of an image is its number, so that what arrives in the network says which it was."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlptrain.errors import DivergedError
from mlptrain.training import descent
from mlptrain.training.events import EpochDone, StepsDone
from mlptrain.training.run import Run
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.step import MOST_STEPS

N, SIZE = 12, 4  # examples to train with, batch size
IMAGES = np.random.default_rng(0).integers(1, 256, (N, 2, 2, 1), np.uint8)
IMAGES[:, 0, 0, 0] = np.arange(N)
SGD = {"type": "sgd", "learning_rate": 0.5}


@pytest.fixture(autouse=True)
def one_step_per_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "CALL_SECONDS", 0)


def opened(
    folder: Path,
    train: np.ndarray = IMAGES,
    validation: np.ndarray = IMAGES,
    test: np.ndarray | None = None,
    normalize: str = "none",
    seed: int = 0,
    **training: Any,
) -> AbstractContextManager[Run]:
    """A new run without hidden layers in folder/run, with images (n, 2, 2, 1) of two classes by
    turns."""
    folder.mkdir(exist_ok=True)
    for name, images in (("train", train), ("validation", validation)):
        np.savez(folder / f"{name}.npz", x=images, y=np.arange(len(images)) % 2)
    data = {"train": "train.npz", "validation": "validation.npz", "normalize": normalize}
    if test is not None:
        np.savez(folder / "test.npz", x=test, y=np.arange(len(test)) % 2)
        data["test"] = "test.npz"
    settings = {
        "data": data,
        "model": {"hidden_layers": []},
        "training": {"batch_size": SIZE, "epochs": 3, "optimizer": SGD, "threads": 1, **training},
        "seed": seed,
    }
    config = folder / "job.yaml"
    config.write_text(json.dumps(settings))
    return prepare_run(config, (), folder / "run", resume=False, reading=lambda *_: None)


def inputs(job: Run, epochs: int) -> np.ndarray:
    """(epochs, N, pixels): what the network is trained with."""
    seen = [
        job.trainer.descent.step(SIZE).program.x.value.copy()
        for event in job.train(StopRequest())
        if isinstance(event, StepsDone)
    ]
    return np.array(seen).reshape(epochs, N, -1)


def ranks(seen: np.ndarray) -> list[list[int]]:
    """In which order each epoch went through the examples."""
    return np.argsort(np.argsort(seen[:, :, 0], axis=1), axis=1).tolist()


@pytest.mark.parametrize("limit", [0.001, None])
def test_no_step_is_longer_than_the_clipped_gradient(tmp_path: Path, limit: float | None) -> None:
    with opened(tmp_path, optimizer={**SGD, "clip_norm": limit}) as job:
        before, lengths = job.model.arena.values.copy(), []
        for event in job.train(StopRequest()):
            if isinstance(event, StepsDone):
                lengths.append(float(np.linalg.norm(job.model.arena.values - before)))
                before[...] = job.model.arena.values
    if limit is None:
        assert min(lengths) > 0.5 * 0.001
    else:
        np.testing.assert_allclose(lengths, 0.5 * limit, rtol=1e-3)


def test_each_epoch_sees_every_example_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path, epochs=4) as job:
        orders = ranks(inputs(job, 4))
    assert all(sorted(order) == list(range(N)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    with opened(tmp_path / "again", epochs=4, seed=1) as job:
        assert ranks(inputs(job, 4))[0] != orders[0]


@pytest.mark.parametrize("normalize", ["none", "standard"])
def test_pixels_arrive_as_normalize_says(tmp_path: Path, normalize: str) -> None:
    """none: in [0, 1]; standard: with mean 0 and deviation 1 over the training images."""
    shares = IMAGES.reshape(N, -1) / 255
    wanted = shares if normalize == "none" else (shares - shares.mean()) / shares.std()
    with opened(tmp_path, normalize=normalize, epochs=1) as job:
        seen = inputs(job, 1)[0]
    np.testing.assert_allclose(seen[np.argsort(seen[:, 0])], wanted, rtol=1e-5, atol=1e-6)


def test_the_seed_decides_where_the_parameters_start(tmp_path: Path) -> None:
    starts = []
    for number, seed in enumerate([3, 3, 4]):
        with opened(tmp_path / str(number), seed=seed) as job:
            starts.append(job.model.arena.values.tolist())
    assert starts[0] == starts[1] != starts[2]
    assert np.unique(starts[0]).size > 8  # but for the biases, no two are alike


@pytest.mark.parametrize(("columns", "loss"), [((1e38, 1e38), "nan"), ((7e37, -7e37), "(inf|nan)")])
def test_a_validation_loss_that_is_no_number_ends_the_run_unsaved(
    tmp_path: Path, columns: tuple[float, float], loss: str
) -> None:
    """Black images to train with: finite losses, and the huge weights stay as they are."""
    black, white = np.zeros_like(IMAGES), np.full_like(IMAGES, 255)
    with opened(tmp_path, train=black, validation=white) as job:
        (kernel,) = (w for w in job.model.arena.by_name().values() if w.ndim == 2)
        kernel[...] = columns
        with pytest.raises(DivergedError, match=f"step 3.*the validation loss is {loss}"):
            assert not any(isinstance(event, EpochDone) for event in job.train(StopRequest()))
    run = tmp_path / "run"
    assert json.loads((run / "summary.json").read_text())["reason"] == "diverged"
    assert not {path.name for path in run.iterdir()} & {"best.safetensors", "last.safetensors"}
    assert not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").read_bytes()


def test_a_test_loss_that_is_no_number_is_not_in_the_summary(tmp_path: Path) -> None:
    """Black images to train with and to validate: only the white ones of the test split show it."""
    black, white = np.zeros_like(IMAGES), np.full_like(IMAGES, 255)
    with opened(tmp_path, train=black, validation=black, test=white, epochs=1) as job:
        (kernel,) = (w for w in job.model.arena.by_name().values() if w.ndim == 2)
        kernel[...] = 1e38, 1e38
        with pytest.raises(DivergedError, match="the test loss of the best weights is nan"):
            list(job.train(StopRequest()))
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (summary["reason"], summary["test"]) == ("diverged", None)


def test_every_step_is_gradient_descent_on_the_mean_loss(tmp_path: Path) -> None:
    """Without hidden layers: W ← W - ρ xᵀ (softmax(x W + b) - y) / m, and the same for b; over more
    steps than a ring holds."""
    one_hot, seen = np.eye(2), []
    with opened(tmp_path, epochs=90, early_stopping=None) as job:
        kernel, bias = (job.model.arena.value(f"output/{name}") for name in ("kernel", "bias"))
        before = kernel.astype(float), bias.astype(float)
        for event in job.train(StopRequest()):
            if isinstance(event, StepsDone):
                program = job.trainer.descent.step(SIZE).program
                x, y = program.x.value.astype(float), one_hot[program.targets.value]
                e = np.exp(x @ before[0] + before[1])
                error = (e / e.sum(axis=1, keepdims=True) - y) / SIZE
                np.testing.assert_allclose(kernel, before[0] - 0.5 * x.T @ error, atol=1e-5)
                np.testing.assert_allclose(bias, before[1] - 0.5 * error.sum(axis=0), atol=1e-5)
                before = kernel.astype(float), bias.astype(float)
                seen.append(np.round(255 * x[:, 0]).astype(int))
    assert len(seen) == 270 > MOST_STEPS
    epochs = np.reshape(seen, (90, N))
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [range(N)] * 90)
    assert len(np.unique(epochs, axis=0)) == 90  # no row of the ring is read again

"""What a checkpoint file holds, and that any other file is refused with one error, at once."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from signing import Document, joined, signed, split
from tiny_runs import mlptrain

from mlptrain.data.normalization import Normalization
from mlptrain.errors import ModelFileError
from mlptrain.tasks.task import TargetSpec
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import (
    DIGEST,
    DIGEST_BYTES,
    DOCUMENT,
    Checkpoint,
)
from mlptrain.training.header import MAX_HEADER_BYTES
from mlptrain.training.trained_model import load_model

NO_CHECKPOINT = "model: is no mlptrain checkpoint:"
NO_MODEL = f"{NO_CHECKPOINT} its header does not describe a model. Expected is a run folder,"
WRONG = "its header has a wrong"
HALF = f"{NO_CHECKPOINT} its header holds half a character."


def with_document(data: bytes, change: Callable[[Document], object]) -> bytes:
    """The checkpoint with a changed document, signed."""
    header, arrays = split(data)
    document = json.loads(header["__metadata__"][DOCUMENT])
    change(document)
    header["__metadata__"][DOCUMENT] = json.dumps(document)
    return joined(json.dumps(header), arrays)


OTHER_TASK = "its task and its targets or inputs differ"


def named(document: Document, *names: str) -> None:
    document["targets"]["names"] = list(names)


def learns(document: Document, task: dict[str, object]) -> None:
    document["config"]["task"] = task
    document["config"]["training"]["loss"] = {"type": "mean_squared_error"}


def refusal(path: Path, data: bytes) -> str:
    """Why a file with this content is refused."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as error:
        load_model(path)
    return str(error.value)


def test_the_safetensors_library_reads_it(reference: Path) -> None:
    with safetensors.safe_open(reference / "best.safetensors", framework="np") as file:
        shapes = {name: file.get_tensor(name).shape for name in file.keys()}  # noqa: SIM118
    assert shapes == {
        "parameters/dense_1/kernel": (64, 4),
        "parameters/dense_1/bias": (4,),
        "parameters/output/kernel": (4, 2),
        "parameters/output/bias": (2,),
        "optimizer/m": (270,),
        "optimizer/v": (270,),
        "sha256": (32,),
    }


def test_the_same_state_gives_the_same_bytes(
    saved: Checkpoint, data: bytes, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        checkpoint.save(
            tmp_path / name, saved.state, saved.parameters, saved.optimizer, saved.layer_state
        )
        assert (tmp_path / name).read_bytes() == data


@pytest.mark.slow
def test_every_changed_byte_is_refused(data: bytes, tmp_path: Path) -> None:
    path, random_ = tmp_path / "model", random.Random(0)
    path.write_bytes(data)
    with path.open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            os.pwrite(file.fileno(), bytes([byte ^ 1 << random_.randrange(8)]), position)
            with pytest.raises(ModelFileError):
                checkpoint.load(path)
            os.pwrite(file.fileno(), bytes([byte]), position)
    checkpoint.load(path)


@pytest.mark.slow
def test_truncations_and_additions_are_refused(data: bytes, tmp_path: Path) -> None:
    """Truncations near both ends to every length, and between to every ninth."""
    path, end = tmp_path / "model", len(data)
    sizes = (*range(100), *range(100, end - 100, 9), *range(end - 100, end))
    for changed in (*(data[:size] for size in sizes), data + b"\0", b"\0" + data):
        path.write_bytes(changed)
        with pytest.raises(ModelFileError):
            checkpoint.load(path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(format=1), "has format 1, this version reads format 4"),
        (lambda d: d.pop("format"), NO_MODEL),
        (lambda d: d.pop("threads"), f"{NO_CHECKPOINT} its header lacks the key threads."),
        (lambda d: d["progress"].update(epoch=-1), f"{NO_CHECKPOINT} {WRONG} progress.epoch: -1."),
        (
            lambda d: d["progress"].update(epoch_loss=float("nan")),
            "wrong progress.epoch_loss: nan.",
        ),
        (lambda d: d["progress"].update(step=10**30), "wrong progress.step: 1000000"),
        (lambda d: d.update(mode="x"), f"{NO_CHECKPOINT} {WRONG} mode: 'x'."),
        (
            lambda d: d["config"]["training"]["optimizer"].update(momentum=2),
            f"{NO_CHECKPOINT} {WRONG} config.training.optimizer.momentum: 2.",
        ),
        (
            lambda d: d["image"].update(height=None, width=None),
            f"{NO_CHECKPOINT} its image has no mode or no size.",
        ),
        (
            lambda d: d["normalization"].update(mean=[0, 0]),
            f"{NO_CHECKPOINT} its normalization and its shape differ in their channels.",
        ),
        (
            lambda d: d["fingerprints"].pop("train"),
            f"{NO_CHECKPOINT} its config and its fingerprints differ in their splits.",
        ),
        (named, f"{NO_CHECKPOINT} {WRONG} units: 0."),
        (lambda d: named(d, "a", "a"), "the name 'a' is there twice"),
        (lambda d: named(d, "a", "a "), "'a' and 'a ' look alike"),
        (lambda d: named(d, "a", ""), "'' is blank"),
        (lambda d: named(d, "a", "\ud800"), HALF),
        (lambda d: named(d, "a", "\udcc3\udca9"), "half a character"),
        (lambda d: d["config"]["data"]["test"].update(path="/\ud800"), HALF),
        (lambda d: named(d, "a", "b", "c"), "270 numbers instead of 275"),
        (lambda d: d["targets"].update(mean=[0, 0], std=[1, 1]), OTHER_TASK),
        (lambda d: d["config"].update(task={"type": "autoencoder"}), f"{WRONG} config: "),
        (lambda d: learns(d, {"type": "autoencoder"}), OTHER_TASK),
        (lambda d: learns(d, {"type": "regression", "targets": ["a", "b"]}), OTHER_TASK),
        (lambda d: d["image"].update(height=9), "its shape and its image differ"),
        (lambda d: d.update(shape=[64]), "its shape and its image differ"),
        (lambda d: d.update(shape=[0]), f"{NO_CHECKPOINT} {WRONG} shape.0: 0."),
        (
            lambda d: (d["image"].update(height=10**9), d.update(shape=[10**9, 8, 1])),
            "270 numbers instead of",
        ),
        (
            lambda d: d["config"]["model"]["layers"][0].update(units=1_000_000),
            "270 numbers instead of 67,000,002",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(
    data: bytes, tmp_path: Path, change: Callable[[Document], object], why: str
) -> None:
    assert why in refusal(tmp_path / "model", with_document(data, change))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(
    saved: Checkpoint, tmp_path: Path, value: float
) -> None:
    parameters = {name: array.copy() for name, array in saved.parameters.items()}
    parameters["output/kernel"][2, 1] = value
    checkpoint.save(tmp_path / "model", saved.state, parameters, saved.optimizer, saved.layer_state)
    with pytest.raises(ModelFileError, match=r"'parameters/output/kernel'.*NaN or Inf"):
        checkpoint.load(tmp_path / "model")


def test_a_header_that_could_not_be_read_back_is_not_written(
    saved: Checkpoint, tmp_path: Path
) -> None:
    long = TargetSpec(names=("x" * MAX_HEADER_BYTES, "y"))
    state = saved.state.model_copy(update={"targets": long})
    with pytest.raises(ModelFileError, match="shorter names"):
        checkpoint.save(
            tmp_path / "model", state, saved.parameters, saved.optimizer, saved.layer_state
        )
    assert not list(tmp_path.iterdir())


def test_any_class_name_comes_back(saved: Checkpoint, tmp_path: Path) -> None:
    names = ("\"'\\\n\t\0[red]</b>{}%s", os.fsdecode(b"\xff\xfe") + "日本 👍🏽 \u202e")
    state = saved.state.model_copy(update={"targets": TargetSpec(names=names)})
    checkpoint.save(tmp_path / "model", state, saved.parameters, saved.optimizer, saved.layer_state)
    assert checkpoint.load(tmp_path / "model").state == state


def test_preprocessing_comes_back_to_the_bit(saved: Checkpoint, tmp_path: Path) -> None:
    fitted = Normalization(mean=(1 / 3,), std=(np.nextafter(0.1, 1).item(),))
    state = saved.state.model_copy(update={"normalization": fitted})
    checkpoint.save(tmp_path / "model", state, saved.parameters, saved.optimizer, saved.layer_state)
    assert checkpoint.load(tmp_path / "model").state.normalization == fitted


def test_another_library_s_file_is_refused(tmp_path: Path) -> None:
    arrays = {"weight": np.zeros(3), DIGEST: np.zeros(DIGEST_BYTES, np.uint8)}
    foreign = safetensors.numpy.save(arrays)
    assert "does not match" in refusal(tmp_path / "model", foreign)
    assert NO_MODEL in refusal(tmp_path / "model", signed(foreign[:-DIGEST_BYTES]))


def test_arrays_that_do_not_fit_their_header_are_refused(data: bytes, tmp_path: Path) -> None:
    header, arrays = split(data)
    why = refusal(tmp_path / "model", joined(json.dumps(header), arrays[:-4]))
    assert f"{NO_CHECKPOINT} its header does not fit its arrays." in why


@pytest.mark.slow
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "short").write_bytes(b"12345678")
    (tmp_path / "image.png").touch()
    for name, why in {
        "empty": "empty: is empty",
        "folder": "folder: is an empty folder",
        "pipe": "pipe: is a pipe or a device, not a file",
        "missing": "missing: does not exist",
        "short": "short: is a text file, not a checkpoint",
    }.items():
        ended = mlptrain(tmp_path, "predict", "image.png", "--model", name, code=4)
        assert why in ended.stderr, ended.stderr

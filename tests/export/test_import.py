"""`mlptrain import`: round trips, files of other tools, and files that nobody should trust."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.numpy
from exported_runs import given, own, predicted, written
from test_targets import CASES, LACKED

from mlptrain.cli.app import run as mlptrain
from mlptrain.errors import ModelFileError, RunFolderError, UsageError
from mlptrain.export.export import target_named
from mlptrain.export.importing import read_model
from mlptrain.training.trained_model import TrainedModel, load_model

FILES = {"keras": "model.keras", "sklearn": "model.npz", "torch": "model.safetensors"}


def exported(name: str, model: TrainedModel, place: Path) -> Path:
    written(target_named(name), model, place)
    return place / FILES[name]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FILES)
def test_a_round_trip_predicts_the_same(
    name: str, case: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    if (name, case) in LACKED:
        pytest.skip("cannot be exported")
    model = models[case]
    path = exported(name, model, tmp_path)
    mlptrain(["import", str(path), "--to", str(tmp_path / "run")])
    again = load_model(tmp_path / "run" / "best.safetensors")
    inputs = given(model).reshape(-1, *model.state.shape)
    np.testing.assert_allclose(predicted(again, inputs), own(model), rtol=1e-5, atol=1e-5)
    assert again.state.targets.names == model.state.targets.names
    assert again.task.type == model.task.type
    assert again.image.form == model.image.form or model.takes_numbers
    assert again.state.features == model.state.features


def test_what_was_read_is_a_run(
    models: dict[str, TrainedModel], runs: dict[str, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It predicts, evaluates and can be trained on."""
    path, run = exported("torch", models["digits"], tmp_path), tmp_path / "run"
    mlptrain(["import", str(path), "--to", str(run), "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "file": str(run / "best.safetensors"), "task": "classification", "parameters": 547
    }  # fmt: skip
    folder = runs["digits"].parent
    mlptrain(["eval", str(run), "--data", str(folder / "test")])
    images = [str(each) for each in sorted((folder / "test" / "2").iterdir())[:3]]
    mlptrain(["predict", *images, "--model", str(run)])
    mlptrain(
        ["train", str(folder / "d.yaml"), "--run-dir", str(tmp_path / "more"), "--set",
         f"training.init_from={run}"]
    )  # fmt: skip
    with pytest.raises(RunFolderError, match=r"run: exists already. Name a new folder with --to"):
        mlptrain(["import", str(path), "--to", str(run)])


def test_scikit_learns_own_network(tmp_path: Path) -> None:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    random = np.random.default_rng(0)
    x = random.normal(size=(60, 5)).astype(np.float32)
    y = np.array(["no", "yes"])[(x[:, 0] > 0).astype(int)]
    short: dict[str, Any] = {"solver": "lbfgs", "max_iter": 20, "tol": 1, "random_state": 0}
    binary = MLPClassifier(4, activation="tanh", **short)
    classes = MLPClassifier((4, 3), activation="logistic", **short)
    numbers = MLPRegressor(hidden_layer_sizes=4, activation="relu", **short)
    for estimator, target in (
        (binary, y), (classes, np.digitize(x[:, 1], [-0.5, 0.5])), (numbers, x[:, 1:3] * 5)
    ):  # fmt: skip
        estimator.fit(x, target)
        attributes: dict[str, Any] = {
            f"{name}{index}": array
            for name, arrays in (
                ("coefs_", estimator.coefs_),
                ("intercepts_", estimator.intercepts_),
            )
            for index, array in enumerate(arrays)
        }
        if estimator is not numbers:
            attributes["classes_"] = estimator.classes_
        np.savez(
            tmp_path / "e.npz", activation=estimator.activation,
            out_activation_=estimator.out_activation_, **attributes,
        )  # fmt: skip
        model = read_model(tmp_path / "e.npz", None, None)
        expected = getattr(estimator, "predict_proba", estimator.predict)(x)
        np.testing.assert_allclose(predicted(model, x), expected, rtol=1e-4, atol=1e-5)
        if estimator is not numbers:
            assert model.state.targets.names == tuple(map(str, estimator.classes_))


def test_a_plain_state_dict_needs_an_activation(tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / "s.safetensors"
    first, second = (random.normal(size=s).astype(np.float32) for s in ((4, 3), (2, 4)))
    bias = np.ones(4, np.float32)
    path.write_bytes(
        safetensors.numpy.save({"0.weight": first, "0.bias": bias, "2.weight": second})
    )
    with pytest.raises(ModelFileError, match=r"does not say the activation .* --activation relu"):
        read_model(path, None, None)
    model, x = read_model(path, "classification", "relu"), random.normal(size=(5, 3))
    logits = np.maximum(x @ first.T + bias, 0) @ second.T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predicted(model, x.astype(np.float32)), expected, rtol=1e-4)
    assert read_model(path, None, "relu").task.type == "regression"
    path.write_bytes(safetensors.numpy.save({"0.weight": first, "1.running_mean": bias}))
    with pytest.raises(ModelFileError, match=r"holds 1.running_mean. Read are state_dicts of an"):
        read_model(path, None, "relu")


def rezipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("index", "kind", "settings", "reason"),
    [
        (3, "Lambda", {}, "has a layer Lambda, which is not read; Rescaling"),
        (4, "Activation", {"activation": "selu"}, "has the activation selu, which is not read"),
        (6, "Activation", {"activation": "tanh"}, "has the output activation tanh, but classi"),
        (0, "InputLayer", {"batch_shape": [None, None, 8, 1]}, "some sides of which are open"),
        (0, "InputLayer", {"batch_shape": [None, 9, 8, 1]}, "takes inputs of the shape .9, 8, 1."),
        (1, "Rescaling", {"scale": [-1.0]}, "scales inputs by -1; only factors above 0"),
        (2, "Rescaling", {"scale": "x", "offset": 0}, "is damaged, or is not a Keras model as"),
        (3, "Dropout", {"rate": 0.5}, "has the activation tanh, not behind a dense layer"),
        (6, "Dropout", {"rate": 0.5}, "ends in dropout, not in a dense layer"),
    ],
)
def test_what_a_keras_model_says_and_we_cannot_is_named(
    index: int, kind: str, settings: dict[str, Any], reason: str,
    models: dict[str, TrainedModel], tmp_path: Path,
) -> None:  # fmt: skip
    path = exported("keras", models["digits"], tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    layer = config["config"]["layers"][index]
    layer["class_name"] = kind
    layer["config"].update(settings)
    rezipped(path, {**members, "config.json": json.dumps(config).encode()})
    with pytest.raises(ModelFileError, match=reason) as error:
        read_model(path, None, None)
    assert error.value.exit_code == 4
    config["class_name"] = "Functional"
    rezipped(path, {**members, "config.json": json.dumps(config).encode()})
    with pytest.raises(ModelFileError, match="holds a Functional model; only Sequential is read"):
        read_model(path, None, None)


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_refused(
    name: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    """Cut off anywhere, or with flipped bytes: an error of exit code 4, or a model."""
    path = exported(name, models["digits"], tmp_path)
    data, random = path.read_bytes(), np.random.default_rng(0)
    for cut in random.integers(0, len(data), 30):
        path.write_bytes(data[:cut])
        with pytest.raises(ModelFileError):
            read_model(path, None, None)
    for _ in range(60):
        broken = bytearray(data)
        for place in random.integers(0, len(data), 4):
            broken[place] ^= int(random.integers(1, 256))
        path.write_bytes(broken)
        with contextlib.suppress(ModelFileError):
            read_model(path, None, None)


def keras_file(path: Path, fill: Callable[[Any], Any], method: int = zipfile.ZIP_STORED) -> Path:
    """A model of one dense layer whose weights `fill` writes."""
    described = [
        ("InputLayer", {"batch_shape": [None, 4]}),
        ("Dense", {"units": 2, "activation": "softmax"}),
    ]
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": kind, "config": each} for kind, each in described]},
    }
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file.create_group("layers/dense/vars"))
    members = {"metadata.json": b"{}", "config.json": json.dumps(config).encode()}
    return rezipped(path, {**members, "model.weights.h5": buffer.getvalue()}, method)


def test_a_keras_file_that_another_program_wrote(tmp_path: Path) -> None:
    kernel = np.arange(8.0).reshape(4, 2)
    path = keras_file(tmp_path / "m.keras", lambda g: g.update({"0": kernel, "1": np.ones(2)}))
    model = read_model(path, None, None)
    assert (model.takes_numbers, model.state.shape) == (True, (4,))
    np.testing.assert_array_equal(model.network.arena.by_name()["output/kernel"], kernel)


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (lambda g: g.create_dataset("0", (4, 1 << 30), "f4"), "of 17,179,869,184 bytes"),
        (lambda g: g.create_dataset("0", (4, 2), "f4", compression="gzip"), "compressed, or of "),
        (lambda g: g.create_dataset("0", (4, 2), "f4", external=[("/x", 0, 32)]), "another file"),
        (lambda g: g.update({"0": h5py.ExternalLink("/x", "/y")}), "lacks the array layers/dense"),
        (lambda g: g.update({"0": h5py.SoftLink("/layers")}), "lacks the array layers/dense/vars"),
        (lambda g: g.update({"0": [["a", "b"]] * 4}), "holds no floats as layers/dense/vars/0"),
        (lambda g: g.update({"0": np.full((4, 2), np.nan)}), "holds NaN or Inf in layers/dense"),
    ],
)
def test_no_array_takes_more_than_its_file_or_leads_out_of_it(
    fill: Callable[[Any], Any], reason: str, tmp_path: Path
) -> None:
    path = keras_file(tmp_path / "m.keras", fill)
    with pytest.raises(ModelFileError, match=reason):
        read_model(path, None, None)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    zeros = np.zeros((4, 1 << 20), np.float32)
    path = keras_file(tmp_path / "m.keras", lambda g: g.update({"0": zeros}), zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="compressed or of 2 bytes"):
        read_model(path, None, None)


def test_wrong_options_and_files_are_refused(tmp_path: Path) -> None:
    def refused(*arguments: str | Path) -> str:
        with pytest.raises((UsageError, ModelFileError)) as error:
            mlptrain(["import", *map(str, arguments), "--to", str(tmp_path / "run")])
        assert not (tmp_path / "run").exists()
        return str(error.value)

    assert "--task cats: is unknown. Use classification, " in refused("m.keras", "--task", "cats")
    assert "m.h5: is none of the files that can be read: .keras" in refused(tmp_path / "m.h5")
    assert "m.keras: does not exist" in refused(tmp_path / "m.keras")
    np.savez(tmp_path / "x.npz", x=np.ones(3))
    assert "x.npz: has no coefs_0: it holds no attributes of an" in refused(tmp_path / "x.npz")

"""A trained model in Python: the same answers as on the command line, and what Python adds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_examples import Trained, command_line
from PIL import Image

import mlptrain
from mlptrain.errors import DataError, MlptrainError, ModelFileError, UsageError

DIGITS = Path(__file__).parents[2] / "data/digits/test"


def test_files_get_the_answers_of_the_command_line(trained: Trained) -> None:
    printed = command_line(trained.folder, "predict", *trained.files, "--model", "run", "--json")
    predictions = mlptrain.load(trained.run).predict(trained.files)
    assert list(predictions) == [json.loads(line) for line in printed.splitlines()]


def test_arrays_get_the_answers_of_their_files(trained: Trained) -> None:
    model = mlptrain.load(trained.run)
    of_files, of_arrays = model.predict(trained.files), model.predict(trained.x)
    np.testing.assert_array_equal(of_arrays.values, of_files.values)
    for record, path, own in zip(of_files, trained.files, of_arrays, strict=True):
        assert record == {"path": path, **own}
    if of_files.pictures is not None:
        np.testing.assert_array_equal(of_arrays.pictures, of_files.pictures)


def test_more_examples_than_a_batch(trained: Trained) -> None:
    """The network's outputs are overwritten batch by batch; what is returned is not."""
    model = mlptrain.load(trained.run)
    count = 600 // len(trained.x) + 1
    some, many = (model.predict(np.concatenate([trained.x] * times)) for times in (1, count))
    wanted = np.concatenate([some.values] * count)
    np.testing.assert_allclose(many.values, wanted, rtol=1e-4, atol=1e-5)


def test_the_values_are_what_the_records_say(trained: Trained) -> None:
    model = mlptrain.load(trained.run)
    predictions, n = model.predict(trained.x), len(trained.x)
    names, values = model.class_names, predictions.values
    match model.task:
        case "classification":
            assert values.shape == (n, 2)
            np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-6)
            np.testing.assert_array_equal(np.array(names)[values.argmax(1)], predictions["label"])
            np.testing.assert_allclose(values.max(axis=1), predictions["probability"])
        case "multi_label":
            wanted = [[p["probabilities"][name] for name in names] for p in predictions]
            np.testing.assert_allclose(values, wanted)
        case "regression":
            wanted = [[p["numbers"][name] for name in names] for p in predictions]
            np.testing.assert_allclose(values, wanted)
        case "autoencoder":
            assert values.shape == trained.x.shape
            np.testing.assert_array_equal(np.rint(values * 255), predictions.pictures)
        case "segmentation":
            assert values.shape == (*trained.x.shape[:3], len(names))
            found = np.array(list(map(int, names)))[values.argmax(axis=3)]
            np.testing.assert_array_equal(found, predictions.pictures)


def test_a_split_is_evaluated_as_on_the_command_line(trained: Trained) -> None:
    for split in ("test", "validation"):
        printed = command_line(trained.folder, "eval", str(trained.run), "--json", "--split", split)
        assert mlptrain.load(trained.run).evaluate(split=split) == json.loads(printed)


def test_arrays_are_evaluated_as_their_files(trained: Trained) -> None:
    model = mlptrain.load(trained.run)
    of_arrays, of_files = model.evaluate(trained.x, trained.y), model.evaluate()
    assert of_arrays["metrics"] == of_files["metrics"]
    assert of_arrays["data"] == "x"
    by_path = model.evaluate(trained.folder / "test.csv")
    assert {**by_path, "data": "test"} == of_files
    by_mapping = {"type": "csv", "path": str(trained.folder / "test.csv")}
    assert model.evaluate(by_mapping)["metrics"] == of_files["metrics"]


def test_a_saved_model_is_the_same(trained: Trained, tmp_path: Path) -> None:
    model = mlptrain.load(trained.run)
    model.save(tmp_path / "m.safetensors")
    again = mlptrain.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(trained.x).values, model.predict(trained.x).values)
    assert again.evaluate(trained.x, trained.y)["metrics"] == model.evaluate()["metrics"]
    assert again.config == model.config
    command_line(tmp_path, "predict", trained.files[0], "--model", "m.safetensors")


def test_a_folder_a_glob_and_a_list_name_the_same_files(digits: Path) -> None:
    model = mlptrain.load(digits)
    folder = model.predict(DIGITS / "7")
    assert len(folder) == len(list((DIGITS / "7").iterdir()))
    assert list(model.predict(f"{DIGITS}/7/*.png")) == list(folder)
    assert list(model.predict(sorted((DIGITS / "7").iterdir()))) == list(folder)
    assert list(model.predict(str(DIGITS / "7"))) == list(folder)


def test_several_classes_can_be_named(digits: Path) -> None:
    first = mlptrain.load(digits).predict(DIGITS / "7", top_k=3)[0]
    assert len(first["top"]) == 3
    probabilities = [each["probability"] for each in first["top"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_what_a_model_tells_of_itself(digits: Path) -> None:
    model = mlptrain.load(digits)
    assert (model.task, model.shape) == ("classification", (8, 8, 1))
    assert model.class_names == tuple("0123456789")
    assert model.path == digits / "best.safetensors"
    assert model.config["training"]["epochs"] == 3
    assert model.config["training"]["optimizer"]["beta_1"] == 0.9  # a default
    layers = "64-512-512-256-256-10"
    assert repr(model) == f"<Model for classification: 8×8×1, {layers}, epoch {model.epoch}>"


def test_the_weights_compute_the_probabilities(digits: Path) -> None:
    """The whole network once more, in NumPy, from the weights by name."""
    model = mlptrain.load(digits)
    path = DIGITS / "7/0017.png"
    w = model.weights
    norm = model._trained.state.normalization
    x = np.asarray(Image.open(path), np.float64).reshape(1, -1) / 255
    x = (x - norm.mean[0]) / norm.std[0]
    for name in ("dense_1", "dense_2"):
        x = np.maximum(0, x @ w[f"{name}/kernel"] + w[f"{name}/bias"])
    z = x @ w["output/kernel"] + w["output/bias"]
    wanted = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    np.testing.assert_allclose(model.predict(path).values, wanted, rtol=1e-4, atol=1e-6)


def test_the_weights_are_copies(digits: Path) -> None:
    model = mlptrain.load(digits)
    before = model.predict(DIGITS / "7").values
    for array in model.weights.values():
        array[...] = 0
    np.testing.assert_array_equal(model.predict(DIGITS / "7").values, before)


def test_bad_images_are_an_error_or_left_out(digits: Path, tmp_path: Path) -> None:
    model, good = mlptrain.load(digits), DIGITS / "7/0017.png"
    (tmp_path / "bad.png").write_bytes(good.read_bytes()[:60])
    files = [tmp_path / "bad.png", good, tmp_path / "gone.png"]
    with pytest.raises(DataError) as raised:
        model.predict(files)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith(f"{tmp_path}/bad.png: is cut off")
    assert lines[1] == f"{tmp_path}/gone.png: does not exist"
    assert lines[2].startswith("2 of 3 images could not be read.")
    some = model.predict(files, on_bad_image="skip")
    assert list(some["path"]) == [str(good)]
    assert [bad.path for bad in some.skipped] == [str(files[0]), str(files[2])]


def test_images_unlike_those_of_training_are_noted(trained: Trained) -> None:
    """The config leaves the size open, so that all training images had one."""
    large = trained.x.repeat(2, axis=1).repeat(2, axis=2)
    predictions = mlptrain.load(trained.run).predict(large)
    assert predictions.notes[0].startswith("12 of 12 images differ from the training images")
    assert mlptrain.load(trained.run).predict(trained.x).notes == ()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 8, 8), int), "x: is int64. Allowed are uint8"),
        (np.zeros((8, 8), np.uint8), r"x: has shape \(8, 8\). Allowed are \(n, height, width\)"),
        (np.zeros((2, 64)), "x: each example has the shape .* the model takes uint8 images"),
        (np.zeros((0, 8, 8), np.uint8), "x: has shape"),
        ([], "x: has shape"),
        (3, r"x: is int64"),
        ([[1, 2], [3]], "x: is no array"),
        (None, "x: is object"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(digits: Path, x: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        mlptrain.load(digits).predict(x)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "x: the targets of this task are missing. Give y."),
        (["7"], "x: has 2 images, but y has 1 labels"),
        ([7.5, 1.5], "y: is float64. Allowed are integers from 0 and strings."),
        (["7", "eleven"], "x: class 'eleven' unknown to the training set"),
        ([["7"], ["a|b"]], "y: holds the label 'a|b'"),
        ([-1, 2], "y: holds the label -1"),
    ],
)
def test_targets_that_do_not_fit_are_refused(digits: Path, y: Any, message: str) -> None:
    x = np.zeros((2, 8, 8), np.uint8)
    with pytest.raises(DataError) as raised:
        mlptrain.load(digits).evaluate(x, y)
    assert message in str(raised.value)


def test_weights_of_examples_count_in_the_loss(digits: Path) -> None:
    """The weighted mean of cross entropies, in closed form."""
    files = sorted(DIGITS.glob("*/*.png"))[::30]
    x = np.array([np.asarray(Image.open(file)) for file in files])
    y = [file.parent.name for file in files]
    model, w = mlptrain.load(digits), np.linspace(1, 3, len(y))
    s, logs = model.config["training"]["loss"]["label_smoothing"], np.log(model.predict(x).values)
    own = logs[np.arange(len(y)), list(map(int, y))]
    losses = -(1 - s) * own - s * logs.mean(axis=1)
    weighted = model.evaluate(x, y, sample_weight=w)["loss"]
    assert weighted == pytest.approx((w * losses).sum() / w.sum(), rel=1e-5)
    assert model.evaluate(x, y)["loss"] == pytest.approx(losses.mean(), rel=1e-5)


def test_the_same_errors_as_on_the_command_line(digits: Path, tmp_path: Path) -> None:
    model = mlptrain.load(digits)
    with pytest.raises(UsageError, match="top_k=0: must be at least 1"):
        model.predict(DIGITS, top_k=0)
    with pytest.raises(UsageError, match="no files to predict"):
        model.predict(tmp_path)
    with pytest.raises(UsageError, match="belong to arrays"):
        model.evaluate(DIGITS, ["7"])
    with pytest.raises(UsageError, match="Give x"):
        model.evaluate(y=["7"])
    with pytest.raises(UsageError, match="--split test"):
        model.evaluate(DIGITS, split="test")
    with pytest.raises(ModelFileError, match="is an empty folder"):
        mlptrain.load(tmp_path)
    with pytest.raises(ModelFileError, match="does not exist"):
        mlptrain.load(tmp_path / "gone")
    assert issubclass(mlptrain.errors.DataError, MlptrainError)

"""`mlptrain export`: what it writes, prints and refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_runs import train
from plugin_loading import forgotten

from mlptrain.cli.app import run as mlptrain
from mlptrain.data.images.arrays import load_image
from mlptrain.errors import MlptrainError, ModelFileError, UsageError
from mlptrain.export import export as exporting
from mlptrain.export.comparison import compare
from mlptrain.export.export import target_named
from mlptrain.export.target import targets
from mlptrain.plugins import load_plugin
from mlptrain.training import checkpoint
from mlptrain.training.trained_model import TrainedModel, load_model


@pytest.fixture
def run(runs: dict[str, Path], tmp_path: Path) -> Path:
    """A run folder of a classifier that a test may change; its data is where it was."""
    shutil.copy(runs["classification"] / "best.safetensors", tmp_path)
    return tmp_path


def refused(*arguments: str | Path) -> str:
    with pytest.raises(MlptrainError) as error:
        mlptrain(["export", *map(str, arguments)])
    assert (type(error.value), error.value.exit_code) == (UsageError, 2)
    return str(error.value)


def assert_alike(printed: str, expected: str) -> None:
    """Both are the same but for spaces and the last digits of numbers."""
    for line, other in zip(printed.splitlines(), expected.splitlines(), strict=True):
        for word, wanted in zip(line.split(), other.split(), strict=True):
            if word != wanted:
                np.testing.assert_allclose(float(word), float(wanted), rtol=1e-4, atol=0.002)


def loaded(target: str, model: TrainedModel) -> dict[str, Any]:
    """The names that an exported program defines."""
    (data,) = target_named(target).files(model).values()
    names: dict[str, Any] = {}
    exec(compile(data, "predict.py", "exec"), names)
    return names


def test_the_help_names_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    mlptrain(["export", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(f" {name} (" in text for name in targets)


def test_it_says_what_it_wrote_and_how_close_it_is(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    mlptrain(["export", ".", "--to", "numpy"])
    first, second = capsys.readouterr().out.splitlines()
    assert first == "wrote     predict.py   Python with NumPy"
    before, _, number = second.rpartition(" ")
    assert before == (
        "compared  64 predictions for random inputs by numpy: the largest difference is"
    )
    assert float(number) < 1e-6


def test_json_holds_the_same(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mlptrain(["export", str(runs["segmentation"]), "--to", "numpy", "-o", str(tmp_path), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert 0 <= said.pop("largest_difference") < 1e-6
    compared = 12  # all examples of the test split
    file = str(tmp_path / "predict.py")
    assert said == {"file": file, "target": "numpy", "compared": compared}


def test_what_is_there_is_not_overwritten(run: Path) -> None:
    (run / "predict.py").write_text("mine")
    assert "predict.py: is there already, and nothing is overwritten. Remove it, or name" in (
        refused(run, "--to", "numpy")
    )
    assert (run / "predict.py").read_text() == "mine"


def test_a_wrong_target_or_place_is_refused(run: Path) -> None:
    assert refused(run, "--to", "tflite").startswith("--to tflite: is unknown. Use ")
    message = refused(run, "--to", "onnx", "-o", run / "a.bin")
    assert "a.bin: ONNX is written to a .onnx file." in message
    assert not (run / "a.bin").exists()


def test_an_export_that_predicts_something_else_is_removed(
    models: dict[str, TrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_named("numpy")
    monkeypatch.setattr(type(target), "runs", target.runs + " + 0.01")
    with pytest.raises(ModelFileError, match=r"numpy predicted something else, differing by up to"):
        exporting.export(models["classification"], target, tmp_path / "p.py")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["onnx", "numpy"])
def test_numbers_are_compared_in_float32(
    name: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    found = exporting.export(models["table"], target_named(name), tmp_path)[1]
    assert (found.examples, found.what) == (10, "validation examples")


def test_what_a_plug_in_defines_is_refused_by_name(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "plugins"
    for plugin, layer, reason in (
        (
            "mish",
            "{type: dense, units: 4, activation: mish}",
            "the activation mish, which onnx",
        ),
        ("gated", "{type: gated, units: 4}", "the layer 'gated' is a plug-in's, and no other"),
    ):
        with forgotten():
            load_plugin(str(folder / f"{plugin}.py"))
            config = runs["classification"].parent / "tiny.yaml"
            run = train(config, tmp_path / plugin, f"model={{layers: [{layer}]}}")
            message = refused(run, "--to", "onnx")
            assert reason in message
            assert "--to weights keeps it" in message


def test_without_the_tool_nothing_is_compared_and_it_says_so(
    models: dict[str, TrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, model = target_named("numpy"), models["classification"]
    monkeypatch.setattr(type(target), "tools", ("no_such_tool",))
    assert compare(target, tmp_path, model) == (0, "no_such_tool is not installed", None, 1)
    monkeypatch.setattr(type(target), "tools", ("numpy",))
    found = compare(target, tmp_path / "missing.py", model)
    assert found.what.startswith("numpy failed: FileNotFoundError")


def test_the_comparison_imports_nothing_from_the_current_folder(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    Path("base64.py").write_text("raise SystemExit('this ran')")
    mlptrain(["export", "best.safetensors", "--to", "numpy"])
    assert "by numpy: the largest difference is" in capsys.readouterr().out


def test_the_weights_are_a_checkpoint_without_the_optimizer(
    models: dict[str, TrainedModel], runs: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    (data,) = target_named("weights").files(models["multi_label"]).values()
    path.write_bytes(data)
    saved, before = checkpoint.load(path), checkpoint.load(runs["multi_label"] / "best.safetensors")
    assert saved.optimizer == {}
    assert saved.state == before.state
    assert path.stat().st_size < 0.5 * before.path.stat().st_size
    mlptrain(["eval", str(path), "--max", "hamming_loss=1"])


def test_the_program_prints_what_predict_prints(
    models: dict[str, TrainedModel],
    runs: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Images of another size, mode and with transparency included."""
    from PIL import Image

    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 51, 4), np.uint8)
    images = [str(tmp_path / name) for name in ("rgba.png", "gray.png", "turned.png", "deep.png")]
    Image.fromarray(pixels).save(images[0])
    Image.fromarray(pixels[..., 0]).save(images[1])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels[..., :3]).save(images[2], exif=exif)
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 250).save(images[3])
    for case in ("multi_label", "regression", "autoencoder", "segmentation", "classification"):
        mlptrain(["predict", *images, "--model", str(runs[case])])
        expected = capsys.readouterr().out
        loaded("numpy", models[case])["main"](images)
        assert_alike(capsys.readouterr().out, expected)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_the_program_sees_the_pixels_that_training_sees(
    resize: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    from PIL import Image

    model, path = models["digits"], tmp_path / "image.png"
    program = loaded("numpy", model)
    program.update(RESIZE=resize, BACKGROUND=40)
    settings = model.image.model_copy(update={"resize": resize, "background": 40})
    for size in (37, 50, 4), (9, 5, 3), (40, 12, 4):
        pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        Image.fromarray(pixels).save(path)
        np.testing.assert_array_equal(
            program["read"](str(path))[0], load_image(str(path), settings)
        )


def test_the_program_reads_tables(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, table = tmp_path / "p.py", str(runs["table"].parent / "t.csv")
    mlptrain(["export", str(runs["table"]), "--to", "numpy", "-o", str(program)])
    capsys.readouterr()
    mlptrain(["predict", table, "--model", str(runs["table"])])
    ended = subprocess.run(
        [sys.executable, program, table], capture_output=True, text=True, check=True
    )
    assert_alike(ended.stdout, capsys.readouterr().out)


def test_class_names_stay_text(runs: dict[str, Path]) -> None:
    """Names that are code, or no characters, end up in the program as the strings that they are."""
    hostile = ("'); raise SystemExit('x", '"""\n\\', "\u202e\udcff@steps@")
    model = load_model(runs["classification"] / "best.safetensors")
    spec = model.state.targets.model_copy(update={"names": hostile})
    model.state = model.state.model_copy(update={"targets": spec})
    assert loaded("numpy", model)["NAMES"] == hostile


def test_an_onnx_file_says_what_it_is(models: dict[str, TrainedModel]) -> None:
    import onnx

    made = onnx.load_from_string(target_named("onnx").files(models["classification"])["model.onnx"])
    onnx.checker.check_model(made)
    about = {each.key: json.loads(each.value) for each in made.metadata_props if each.key != "task"}
    assert about["names"] == ["day", "night"]
    assert about["image"]["mode"] == "rgb"
    (images,) = made.graph.input
    sides = [side.dim_param or side.dim_value for side in images.type.tensor_type.shape.dim]
    assert sides == ["N", *models["classification"].state.shape]

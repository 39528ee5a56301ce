"""Tables and arrays of numbers through the whole tool, with numbers that nobody expects."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlptrain.cli.app import app
from mlptrain.data.normalization import Normalization, deviations
from mlptrain.errors import ConfigError, DataError, UsageError
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_model
from mlptrain.training.events import EpochDone
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import load_model

CONFIG = """\
task: {{type: regression, targets: {targets}}}
data: {{train: {{type: table, path: t.csv}}, validation: {validation}{more}}}
model: {{hidden_layers: [4]}}
training: {{epochs: 2, threads: 1, batch_size: 8}}
"""


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches the reading."""


def write(path: Path, rows: Sequence[Sequence[object]], header: str = "a,b,y") -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def numbers(count: int = 40) -> list[list[float]]:
    """Rows of two features and a target that depends on them."""
    drawn = np.random.default_rng(3).normal(size=(count, 2))
    return [[a, b, a - 2 * b] for a, b in drawn.tolist()]


def project(
    folder: Path,
    rows: Sequence[Sequence[object]],
    validation: str = "0.2",
    targets: str = "[y]",
    more: str = "",
) -> Path:
    write(folder / "t.csv", rows)
    config = folder / "t.yaml"
    config.write_text(CONFIG.format(validation=validation, targets=targets, more=more))
    return config


def trained(config: Path, *overrides: str) -> list[EpochDone]:
    """The epochs of a run in the folder `run` beside the config."""
    with (
        StopRequest() as stop,
        prepare_run(config, overrides, config.with_name("run"), resume=False, reading=quiet) as run,
    ):
        return [event for event in run.train(stop) if isinstance(event, EpochDone)]


def test_other_weights_make_other_data(tmp_path: Path) -> None:
    """They decide what is learned: neither `--resume` nor `eval` takes them for those of the
    run."""
    rows = [[a, b, y, (1 + row % 3) / 10] for row, (a, b, y) in enumerate(numbers())]
    config, table = project(tmp_path, rows, "0.25"), tmp_path / "t.csv"
    config.write_text(config.read_text().replace("data: {", "data: {weight: w, "))
    write(table, rows, "a,b,y,w")
    trained(config)
    folder, more = tmp_path / "run", ("training.epochs=3",)
    listed = (folder / "split.csv").read_text().splitlines()
    assert listed[0] == "split,name,label,digest,weight"
    assert {line.rpartition(",")[2] for line in listed[1:]} == {"0.1", "0.2", "0.3"}
    assert evaluated(folder, "validation").outcome.examples == 10
    with prepare_run(config, more, folder, resume=True, reading=quiet) as resumed:
        assert resumed.progress.epoch == 2
    rows = [[a, b, y, 0.3 if w == 0.1 else w] for a, b, y, w in rows]
    write(table, rows, "a,b,y,w")
    with (
        pytest.raises(DataError, match="the train and validation examples changed since"),
        prepare_run(config, more, folder, resume=True, reading=quiet),
    ):
        pass
    with pytest.raises(DataError, match=r"t\.csv\[\d+\]: has the weight 0\.3, had 0\.1\n"):
        evaluated(folder, "validation")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on a table of which a quarter is held out."""
    folder = tmp_path_factory.mktemp("table")
    trained(project(folder, numbers(), "0.25"))
    return folder / "run"


def evaluated(run: Path, split: str | None, data: str | None = None) -> EvaluatedModel:
    return evaluate_model(load_model(run / "best.safetensors"), split, data, quiet)


def test_a_metric_without_a_value_is_null_in_every_epoch(tmp_path: Path) -> None:
    """One example to validate by has no R²."""
    events = trained(project(tmp_path, numbers(2)))
    assert [event.metrics.values["val_r2"] for event in events] == [None, None]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["val_r2"] for line in lines] == [None, None]


def test_what_is_monitored_of_one_target_is_there(tmp_path: Path) -> None:
    monitor = "training.early_stopping={monitor: val_mae.z}"
    with pytest.raises(ConfigError, match=r"monitor: there is no output 'z'.*The outputs are y"):
        trained(project(tmp_path, numbers()), monitor)
    trained(project(tmp_path, numbers()), monitor.replace(".z", ".y"))


TARGETS: dict[str, Callable[[float], float]] = {
    "large": lambda y: y * 1e35,
    "tiny": lambda y: y * 1e-200,
    "denormal": lambda y: y * 1e-310,
    "constant": lambda y: y * 0 + 0.1,
    "far from 0": lambda y: y + 1e12,
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets_of_any_size_are_learned(case: str, tmp_path: Path) -> None:
    rows = [[a, b, TARGETS[case](y)] for a, b, y in numbers()]
    for event in trained(project(tmp_path, rows)):
        values = event.metrics.values
        assert values["train_loss"] is not None
        assert values["train_loss"] < 10
        assert values["val_r2"] is not None


@pytest.mark.parametrize("scale", [1e35, 1e-30, 1e-42])
def test_features_of_any_size_are_learned(scale: float, tmp_path: Path) -> None:
    rows = [[a * scale, b, y] for a, b, y in numbers()]
    assert trained(project(tmp_path, rows))[-1].metrics.values["train_loss"] is not None


@pytest.mark.parametrize(("column", "name"), [(0, "a"), (2, "y")])
@pytest.mark.parametrize("text", ["1e37", "-1e300", "inf", "nan", "x"])
def test_numbers_that_float32_cannot_hold_are_refused(
    column: int, name: str, text: str, tmp_path: Path
) -> None:
    rows: list[list[object]] = [list(row) for row in numbers()]
    rows[5][column] = text
    with pytest.raises(DataError, match=rf"t\.csv:7: {name} is '{text}'.*numbers up to 1e\+36"):
        trained(project(tmp_path, rows))


def test_a_constant_has_deviation_1_whatever_rounding_leaves() -> None:
    rows = np.column_stack([np.full(37, 0.1), np.arange(37) * 1e-40, np.arange(37.0)])
    assert (rows.mean(axis=0)[0] != 0.1) or math.isclose(rows.std(axis=0)[0], 0, abs_tol=1e-12)
    assert deviations(rows).tolist() == [1, 1, rows[:, 2].std()]
    large = Normalization.of_numbers([np.full((4, 1), 1e30, np.float32)])
    assert large.std == (1.0,)


def test_a_table_is_evaluated_by_its_path(run: Path, tmp_path: Path) -> None:
    """Its features are those of training, in any order and among other columns."""
    rows = numbers()
    plain = evaluated(run, None, str(write(tmp_path / "p.csv", rows)))
    swapped = [[y, b, "text", a] for a, b, y in rows]
    again = evaluated(run, None, str(write(tmp_path / "s.csv", swapped, "y,b,other,a")))
    assert plain.outcome.loss == again.outcome.loss
    assert plain.left_out == again.left_out == 30


def test_a_table_without_a_feature_is_refused_by_name(run: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "o.csv", [[1, 2, 3]], "a,c,y")
    with pytest.raises(DataError, match=r"o\.csv:1: .*The first line must name a,b,y"):
        evaluated(run, None, str(other))
    listed = f"{{type: table, path: {other}, features: [a, c]}}"
    with pytest.raises(DataError, match=r"its features are a, c\. The training data has a, b"):
        evaluated(run, None, listed)


def test_the_test_table_may_hold_more_columns(tmp_path: Path) -> None:
    write(tmp_path / "more.csv", [["x", 1, 2, 3]], "name,b,a,y")
    config = project(tmp_path, numbers(), more=", test: {type: table, path: more.csv}")
    trained(config)
    assert evaluated(tmp_path / "run", "test").outcome.examples == 1


def test_messages_speak_of_examples_and_numbers(tmp_path: Path) -> None:
    """A table has no images and no pixels. Equal features may have different targets."""
    rows = numbers()
    rows[3] = [*rows[4][:2], 7.0]
    config = project(tmp_path, rows)
    ended = CliRunner().invoke(app, ["train", str(config), "--run-dir", str(tmp_path / "run")])
    said = ended.output
    assert ended.exit_code == 0, said
    assert "1 of 40 examples is a copy of another, number by number" in said
    assert "mlptrain predict FILE --model" in said
    changed = [[a + i % 2, b, y + 1 - i % 2] for i, (a, b, y) in enumerate(rows)]
    write(tmp_path / "t.csv", [*changed, [1, 2, 3]])
    for split in ("train", "validation"):
        with pytest.raises(DataError) as caught:
            evaluated(tmp_path / "run", split)
        said += str(caught.value)
    assert "has other numbers" in said
    assert "', was '" in said
    assert "not in the run: t.csv[40]" in said
    assert not any(word in said.lower() for word in ("image", "pixel", "label", "class"))


def test_one_row_cannot_be_divided(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has one example, but a part is to be held out"):
        trained(project(tmp_path, numbers(1)))


def test_targets_have_names_of_their_own(tmp_path: Path) -> None:
    for targets, problem in (("[y, y]", "there twice"), ('[""]', "is blank")):
        with pytest.raises(ConfigError, match=problem):
            trained(project(tmp_path, numbers(), targets=targets))


def test_a_target_may_be_called_path(tmp_path: Path) -> None:
    """The line of --json has both."""
    config = project(tmp_path, numbers(), targets="[path]")
    table = write(tmp_path / "t.csv", numbers(), "a,b,path")
    trained(config)
    arguments = ["predict", str(table), "--model", str(tmp_path / "run"), "--json"]
    ended = CliRunner().invoke(app, arguments)
    first = json.loads(ended.stdout.splitlines()[0])
    assert first["path"] == f"{table}:2"
    assert list(first["numbers"]) == ["path"]


def test_a_model_of_numbers_says_what_it_predicts_from(run: Path) -> None:
    image = "data/digits/test/0/0003.png"
    ended = CliRunner().invoke(app, ["predict", image, "--model", str(run)])
    assert isinstance(ended.exception, DataError)
    assert str(ended.exception) == (
        f"{image}: the model was trained on numbers. Name a .csv table, a .npy or an .npz file."
    )


def test_numbers_have_no_ranks(run: Path) -> None:
    arguments = ["predict", str(run.parent / "t.csv"), "--model", str(run), "--top-k", "2"]
    ended = CliRunner().invoke(app, arguments)
    assert isinstance(ended.exception, UsageError)
    assert "--top-k 2: a model for regression gives one answer" in str(ended.exception)


def test_without_validation_the_answer_names_what_there_is_to_monitor(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set it, or monitor train_loss") as caught:
        trained(project(tmp_path, numbers(), "null"), "training.early_stopping={monitor: val_loss}")
    assert "train_accuracy" not in str(caught.value)


@pytest.mark.parametrize("train", ["x.npy", "{inputs: x.npy}"])
def test_an_array_without_targets_is_named_by_its_path_alone(train: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (17, 4, 4), np.uint8)
    np.save(tmp_path / "x.npy", pixels[:12])
    np.save(tmp_path / "other.npy", pixels[12:])
    config = tmp_path / "t.yaml"
    config.write_text(f"task: autoencoder\ndata: {{train: {train}}}\ntraining: {{epochs: 1}}\n")
    trained(config)
    found = evaluated(tmp_path / "run", None, str(tmp_path / "other.npy"))
    assert found.outcome.examples == 5


@pytest.mark.parametrize("task", ["autoencoder", "segmentation"])
def test_tasks_that_give_pictures_learn_from_images(task: str, tmp_path: Path) -> None:
    """Floats (n, 6, 6) may look like images, but are numbers."""
    x = np.random.default_rng(0).normal(size=(8, 6, 6))
    np.savez(tmp_path / "d.npz", x=x.astype(np.float32), y=(x > 0).astype(np.uint8))
    config = tmp_path / "t.yaml"
    config.write_text(f"task: {task}\ndata: {{train: d.npz}}\n")
    with pytest.raises(DataError, match=r"d\.npz: holds numbers, but this task learns from im"):
        trained(config)

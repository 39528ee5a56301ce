"""Every task through the whole tool: training, evaluation, prediction, resuming."""

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from task_runs import SCENES, TASKS, make_project, scenes, write_table
from typer.testing import CliRunner

from mlptrain.cli.app import app
from mlptrain.config.load import load_config
from mlptrain.errors import DataError, StoppedError, UsageError
from mlptrain.tasks.metrics.measure import metrics_for
from mlptrain.tasks.task import tasks
from mlptrain.training import checkpoint
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.events import EpochDone, Finished
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import Prediction, load_model

IMAGES = [str(path) for path in sorted((SCENES / "test" / "images").iterdir())[:3]]


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches the reading."""


def trained(config: Path, run_dir: Path, *overrides: str) -> list[EpochDone | Finished]:
    """The events of a whole run but for its steps."""
    with (
        StopRequest() as stop,
        prepare_run(config, overrides, run_dir, resume=False, reading=quiet) as run,
    ):
        return [e for e in run.train(stop) if isinstance(e, EpochDone | Finished)]


@pytest.fixture(scope="module", params=list(TASKS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, one per task; its project is the folder around it."""
    folder = tmp_path_factory.mktemp(request.param)
    trained(make_project(folder, request.param), folder / "run")
    return folder / "run"


def test_every_task_is_tried() -> None:
    assert set(TASKS) == set(tasks)


def test_it_learns(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]
    headline = tasks[run.parent.name.rstrip("0123456789")].headline
    assert all(np.isfinite(line[f"val_{headline}"]) for line in lines)


def test_evaluation_measures_what_training_measured(run: Path) -> None:
    """The test split by the summary, and once more from the checkpoint."""
    summary = json.loads((run / "summary.json").read_text())
    result = evaluate_model(load_model(run / "best.safetensors"), "test", None, quiet)
    again = metrics_for(result.outcome)
    assert result.outcome.examples == 12
    for name, value in summary["test"].items():
        assert again[name] == pytest.approx(value, rel=1e-6, nan_ok=True), name


@pytest.mark.parametrize("task", TASKS)
def test_a_fraction_is_a_test_split_of_every_task(task: str, tmp_path: Path) -> None:
    config = make_project(tmp_path, task)
    *_, finished = trained(config, tmp_path / "run", "data.test=0.2", "training.epochs=1")
    assert isinstance(finished, Finished)
    assert finished.test is not None
    for again in ("listed in split.csv", "drawn anew"):
        model = load_model(tmp_path / "run/best.safetensors")
        outcome = evaluate_model(model, "test", None, quiet).outcome
        assert outcome.examples == finished.test.examples == 8, again
        assert outcome.loss == pytest.approx(finished.test.loss, rel=1e-6), again
        (tmp_path / "run/split.csv").unlink(missing_ok=True)


def test_the_predictions_are_those_that_were_evaluated(run: Path) -> None:
    """Each image predicted by its file, against the outcome of the whole test split."""
    model = load_model(run / "best.safetensors")
    answers = [p.answer for p in model.predict(IMAGES, 1) if isinstance(p, Prediction)]
    assert len(answers) == len(IMAGES)
    fields = model.task.fields(model.state.targets, 1)
    for answer in answers:
        assert len(answer.values) == len(fields)
        assert (answer.picture is not None) == model.task.gives_pictures
        json.dumps(answer.record, allow_nan=False)


@pytest.mark.parametrize("form", ["--format=table", "--format=csv", "--json"])
def test_predictions_are_printed_in_every_format(run: Path, form: str) -> None:
    arguments = ["predict", *IMAGES, "--model", str(run), form]
    ended = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    if form == "--format=csv":
        header, *rows = csv.reader(lines)
        assert header[0] == "path"
        assert all(len(row) == len(header) for row in rows)
        lines = lines[1:]
    if form == "--json":
        assert [json.loads(line)["path"] for line in lines] == IMAGES
    assert len(lines) == len(IMAGES)


def test_pictures_are_saved_where_the_answer_is_one(run: Path, tmp_path: Path) -> None:
    model = load_model(run / "best.safetensors")
    target = tmp_path / "pictures"
    arguments = ["predict", *IMAGES, "--model", str(run), "--output", str(target)]
    ended = CliRunner().invoke(app, arguments)
    if not model.task.gives_pictures:
        assert "gives no pictures" in str(ended.exception)
        return
    assert ended.exit_code == 0
    answers = [p.answer for p in model.predict(IMAGES, 1) if isinstance(p, Prediction)]
    for path, answer in zip(IMAGES, answers, strict=True):
        with Image.open(target / Path(path).name) as image:
            assert image.size == (16, 16)
            np.testing.assert_array_equal(np.asarray(image), answer.picture)


def test_pictures_cannot_go_into_a_file(run: Path, tmp_path: Path) -> None:
    """Which is found out before anything is predicted and printed."""
    (tmp_path / "taken").write_text("mine")
    arguments = ["predict", *IMAGES, "--model", str(run), "--output", str(tmp_path / "taken")]
    ended = CliRunner().invoke(app, [*arguments, "--format", "csv"])
    assert isinstance(ended.exception, UsageError)
    assert ended.stdout == ""
    if load_model(run / "best.safetensors").task.gives_pictures:
        assert "taken: is a file. Name a folder; if there is none" in str(ended.exception)
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_resolved_config_trains_the_same_again(run: Path, tmp_path: Path) -> None:
    written = run / "config.yaml"
    given = load_config(written).config
    assert given == checkpoint.load(run / "best.safetensors").state.config
    trained(written, tmp_path / "again")
    for name in ("best.safetensors", "last.safetensors"):
        first, again = checkpoint.load(run / name), checkpoint.load(tmp_path / "again" / name)
        for key, values in first.parameters.items():
            np.testing.assert_array_equal(values, again.parameters[key])


def stop_after_an_epoch(config: Path, run_dir: Path) -> None:
    with (
        StopRequest() as stop,
        prepare_run(config, (), run_dir, resume=False, reading=quiet) as run,
    ):
        for event in run.train(stop):
            if isinstance(event, EpochDone):
                signal.raise_signal(signal.SIGTERM)


def test_a_stopped_run_goes_on_to_the_same_bytes(run: Path, tmp_path: Path) -> None:
    """Stopped by a signal in the second epoch, then resumed."""
    config = run.parent / "tiny.yaml"
    stopped = tmp_path / "stopped"
    with pytest.raises(StoppedError):
        stop_after_an_epoch(config, stopped)
    with (
        StopRequest() as stop,
        prepare_run(config, (), stopped, resume=True, reading=quiet) as rest,
    ):
        assert rest.progress.epoch == 1
        for _ in rest.train(stop):
            pass
    for name in ("best.safetensors", "last.safetensors"):
        whole, parts = (checkpoint.load(folder / name) for folder in (run, stopped))
        assert whole.parameters.keys() == parts.parameters.keys()
        for key, values in whole.parameters.items():
            np.testing.assert_array_equal(values, parts.parameters[key])
        for key, values in whole.optimizer.items():
            np.testing.assert_array_equal(values, parts.optimizer[key])


def test_an_undefined_metric_is_never_better(tmp_path: Path) -> None:
    """R² of a single example."""
    config = make_project(tmp_path, "regression")
    write_table(tmp_path / "one.csv", scenes("train", 1))
    overrides = ("data.validation=one.csv", "data.train=test.csv", "data.test=null")
    early = "training.early_stopping={monitor: val_r2, patience: 2}"
    events = trained(config, tmp_path / "run", *overrides, early)
    *epochs, finished = events
    done = [e for e in epochs if isinstance(e, EpochDone)]
    assert [e.best for e in done] == [True, False, False]
    assert {e.why_undefined for e in done} == {"it is undefined for these examples"}
    assert isinstance(finished, Finished)
    assert finished.best_value is None
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["val_r2"] for line in lines] == [None] * 3
    assert json.loads((tmp_path / "run/summary.json").read_text())["best_value"] is None


def test_a_label_without_examples_has_no_recall_to_monitor(tmp_path: Path) -> None:
    """Nor one of 0; it is said once."""
    config = make_project(tmp_path, "multi_label")
    day = [row for row in scenes("test", 12) if "night" not in row["labels"]]
    write_table(tmp_path / "day.csv", day)
    for split, is_undefined in (("day.csv", True), ("test.csv", False)):
        run_dir, stopping = tmp_path / split.partition(".")[0], "{monitor: val_recall.night}"
        ended = CliRunner().invoke(
            app,
            [
                *("train", str(config), "--run-dir", str(run_dir), "--set", "data.test=null"),
                *("--set", f"data.validation={split}"),
                *("--set", f"training.early_stopping={stopping}"),
            ],
            catch_exceptions=False,
        )
        rows = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
        assert {row["val_recall.night"] is None for row in rows} == {is_undefined}
        note = "val_recall.night is undefined after epoch 1: there are no examples of label 'night'"
        assert ended.stderr.count(note) == ended.stderr.count("undefined") == is_undefined


def segmentation(folder: Path, change: Callable[[int, NDArray[np.uint8]], None]) -> Path:
    """A project whose masks, of example i, are changed; returns its config."""
    config = make_project(folder, "segmentation")
    for split, count in (("train", 40), ("test", 12)):
        rows = scenes(split, count)
        for index, row in enumerate(rows):
            with Image.open(row["mask"]) as image:
                mask = np.array(image)
            change(index, mask)
            row["mask"] = str(folder / f"{split}-{index}.png")
            Image.fromarray(mask).save(row["mask"])
        write_table(folder / f"{split}.csv", rows)
    return config


def test_a_mask_may_be_ignored_as_a_whole_but_not_all_of_a_split(tmp_path: Path) -> None:
    def ignore(index: int, mask: NDArray[np.uint8]) -> None:
        mask[...] = 255 if index < 12 else mask

    config = segmentation(tmp_path, ignore)
    with pytest.raises(DataError, match=r"test\.csv: every pixel of its masks has the value 255"):
        trained(config, tmp_path / "run")
    overrides = ("data.test=null", "training.batch_size=1")
    events = trained(config, tmp_path / "run", *overrides)
    assert all(
        np.isfinite(e.metrics.values["val_loss"]) for e in events if isinstance(e, EpochDone)
    )


def test_a_predicted_mask_has_the_values_of_those_in_training(tmp_path: Path) -> None:
    values = np.array([5, 20, 100], np.uint8)

    def spread(_index: int, mask: NDArray[np.uint8]) -> None:
        mask[mask < 3] = values[mask[mask < 3]]

    trained(segmentation(tmp_path, spread), tmp_path / "run")
    model = ("--model", str(tmp_path / "run"), "--output", str(tmp_path / "masks"))
    arguments = ["predict", *IMAGES, *model, "--json"]
    ended = CliRunner().invoke(app, arguments, catch_exceptions=False)
    colours: dict[int, set[tuple[int, ...]]] = {}
    for line in map(json.loads, ended.stdout.splitlines()):
        with Image.open(tmp_path / "masks" / Path(line["path"]).name) as image:
            pixels, shown = np.asarray(image), np.asarray(image.convert("RGB"))
        assert line["shares"] == {str(value): (pixels == value).mean() for value in values}
        for value in np.unique(pixels).tolist():
            colours[value] = {tuple(colour) for colour in shown[pixels == value].tolist()}
    assert colours[5] == {(0, 0, 0)}
    assert len(colours) == len(set().union(*colours.values())) > 1


def test_a_changed_mask_is_named(tmp_path: Path) -> None:
    """Without the digest, which tells the user nothing."""
    config = segmentation(tmp_path, lambda _index, _mask: None)
    trained(config, tmp_path / "run")
    mask = tmp_path / "test-3.png"
    with Image.open(mask) as image:
        pixels = np.array(image)
    Image.fromarray(np.where(pixels == 1, 2, pixels).astype(np.uint8)).save(mask)
    with pytest.raises(DataError, match=r"0003\.png: has another mask\n"):
        evaluate_model(load_model(tmp_path / "run/best.safetensors"), "test", None, quiet)


def test_of_masks_the_pixels_are_counted(tmp_path: Path) -> None:
    """A class is missing if no pixel is of it."""

    def only_in_training(index: int, mask: NDArray[np.uint8]) -> None:
        mask[mask == 2] = 1 if index < 12 else 2

    config = segmentation(tmp_path, only_in_training)
    trained(config, tmp_path / "run")
    arguments = ["eval", str(tmp_path / "run"), "--min", "iou.2=0.1"]
    ended = CliRunner().invoke(app, arguments)
    assert "test: no pixels of '2'; the means leave them out\n" in ended.stderr
    reason = "gate missed: iou.2 has no value: there are no pixels of class '2'"
    assert str(ended.exception) == reason

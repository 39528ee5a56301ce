"""What `mlptrain report` writes, reads and says."""

import json
import math
import shutil
from pathlib import Path

import pytest
from task_runs import make_project

from mlptrain.cli.app import run
from mlptrain.errors import DataError, FileSystemError, UsageError


@pytest.fixture
def copy(tmp_path: Path, task_run) -> Path:
    """A run of its own to damage."""
    return Path(shutil.copytree(task_run("classification"), tmp_path / "run"))


def test_the_page_lies_in_the_run_folder_and_its_path_is_printed(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(copy)]) == 0
    assert capsys.readouterr().out == f"{copy}/report.html\n"
    page = (copy / "report.html").read_text()
    summary = json.loads((copy / "summary.json").read_text())
    assert f"<strong>{summary['test']['accuracy']:.4f}</strong>" in page
    for section in ("Learning curves", "Worst mistakes", "First layer", "Config", "Environment"):
        assert f">{section}</h2>" in page


def test_it_can_be_written_elsewhere_and_of_another_split(copy: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["report", str(copy), "-o", str(page), "--split", "train"]) == 0
    assert "The model was trained on 30 of the 30 images" in page.read_text()
    assert not (copy / "report.html").exists()
    with pytest.raises(FileSystemError):
        run(["report", str(copy), "-o", str(tmp_path / "no" / "page.html")])


def test_it_replaces_no_file_that_is_no_page(copy: Path) -> None:
    before = (copy / "best.safetensors").read_bytes()
    with pytest.raises(UsageError, match=r"best\.safetensors: is not named \.html"):
        run(["report", str(copy), "-o", str(copy / "best.safetensors")])
    assert (copy / "best.safetensors").read_bytes() == before


def test_without_the_data_it_shows_what_the_run_folder_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, trained = make_project(tmp_path, "classification"), tmp_path / "run"
    run(["train", str(config), "--run-dir", str(trained), "--set", "training.epochs=1"])
    (tmp_path / "test.csv").unlink()
    assert run(["report", str(trained)]) == 0
    assert "not evaluated: " in capsys.readouterr().err
    page = (trained / "report.html").read_text()
    assert "Not evaluated: " in page
    assert "test.csv: does not exist</p><p>The model" in page
    assert "Test metrics, as stored after training" in page
    assert "Learning curves" in page
    with pytest.raises(DataError):
        run(["report", str(trained), "--split", "test"])


def test_files_that_are_missing_or_damaged_are_named(copy: Path) -> None:
    (copy / "metrics.jsonl").unlink()
    (copy / "summary.json").write_text("{")
    assert run(["report", str(copy)]) == 0
    page = (copy / "report.html").read_text()
    assert "Missing: metrics.jsonl: does not exist" in page
    assert "Missing: summary.json: " in page
    assert "Learning curves" not in page


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("summary.json", "hints", [{"what": 1}]),
        ("summary.json", "set", 5),
        ("summary.json", "best_value", math.inf),
        ("metrics.jsonl", "train_loss", math.nan),
        ("metrics.jsonl", "train_loss", "0.5"),
        ("metrics.jsonl", "train_loss", 10**400),
    ],
)
def test_values_that_training_does_not_write_are_refused(
    copy: Path, name: str, key: str, value: object
) -> None:
    first = (copy / name).read_text()
    first = first.splitlines()[0] if name == "metrics.jsonl" else first
    (copy / name).write_text(f"{json.dumps({**json.loads(first), key: value})}\n")
    assert run(["report", str(copy)]) == 0
    assert f"Missing: {name}: is " in (copy / "report.html").read_text()


def test_an_epoch_that_is_not_written_to_its_end_is_left_out(copy: Path) -> None:
    with (copy / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "tra')
    assert run(["report", str(copy)]) == 0
    assert "Missing" not in (copy / "report.html").read_text()


def test_the_hints_of_the_run_are_shown(copy: Path) -> None:
    summary = json.loads((copy / "summary.json").read_text())
    hint = {"kind": "flat", "fact": "loss < 1", "advice": "Try another."}
    (copy / "summary.json").write_text(json.dumps({**summary, "hints": [hint]}))
    run(["report", str(copy)])
    assert "<li><p>loss &lt; 1. Try another.</p></li>" in (copy / "report.html").read_text()


def test_ten_thousand_epochs_stay_small(copy: Path) -> None:
    lines = (copy / "metrics.jsonl").read_text().splitlines()
    line = json.loads(lines[-1])
    many = [{**line, "epoch": epoch, "train_loss": epoch % 97 / 7} for epoch in range(1, 10_001)]
    before = run(["report", str(copy)]) or (copy / "report.html").stat().st_size
    (copy / "metrics.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in many))
    run(["report", str(copy)])
    assert (copy / "report.html").stat().st_size < before + 30_000

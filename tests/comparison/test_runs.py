"""Runs are listed by what differs in their configs, whatever else is in the folder."""

import fcntl
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from small_runs import interrupted, settings, train, write_data

from mlptrain.cli.app import run as mlptrain
from mlptrain.cli.layout import cells
from mlptrain.cli.runs import runs_lines
from mlptrain.comparison.runs import runs_in
from mlptrain.comparison.runs_table import RunsTable
from mlptrain.comparison.settings import differing, settings_of, short_titles
from mlptrain.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs, one stopped in its second epoch, and what is no run; not to be
    changed."""
    data = tmp_path_factory.mktemp("data")
    write_data(data)
    given = {"train": "train.npz", "validation": 0.3, "test": "held_out.npz"}
    for name, rate, size in (("a-2", 0.1, 5), ("a-10", 0.01, 5), ("b", 1e-05, 23)):
        optimizer = {"type": "adam", "learning_rate": rate}
        changes: dict[str, Any] = {"optimizer": optimizer, "batch_size": size, "epochs": 2}
        train(data, settings(data=given, **changes), f"runs/{name}")
    interrupted(data, settings(data=given), "runs/killed", after=1)
    (data / "runs/images").mkdir()
    (data / "runs/images/x.png").write_bytes(b"")
    (data / "runs/file").write_text("")
    return data / "runs"


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    mlptrain(["runs", *arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_runs_tell_what_differs_and_how_good_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(capsys, str(folder))
    assert [each["name"] for each in found["runs"]] == ["a-2", "a-10", "b", "killed"]
    assert "training.optimizer.learning_rate" in found["differing"]
    assert "seed" not in found["differing"]
    for each in found["runs"][:3]:
        summary = json.loads((folder / each["name"] / "summary.json").read_text())
        assert each["state"] == summary["reason"] == "epochs"
        for key in ("epoch", "best_epoch", "monitor", "best_value", "test", "set"):
            assert each[key] == summary[key], key
        assert each["settings"].keys() == set(found["differing"])
    killed = found["runs"][3]
    assert (killed["state"], killed["epoch"], killed["monitor"]) == ("stopped", 1, None)


def test_the_table_shows_the_same_and_names_what_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    mlptrain(["runs", str(folder)])
    shown = capsys.readouterr()
    header, *rows = shown.out.splitlines()
    assert {"run", "state", "learning_rate", "batch_size", "epoch", "val_loss"} <= set(
        header.split()
    )
    assert header.split()[-1] == "test_accuracy"
    assert [row.split()[0] for row in rows] == ["a-2", "a-10", "b", "killed"]
    assert len({cells(line) for line in (header, *rows)}) == 1
    assert shown.err.endswith("images: is not a run folder; left out\n")


@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("learning_rate", ["b", "killed", "a-10", "a-2"]),
        ("training.batch_size", ["a-2", "a-10", "killed", "b"]),
        ("state", ["a-2", "a-10", "b", "killed"]),
        ("epoch", ["killed", "a-2", "a-10", "b"]),
    ],
)
def test_they_are_sorted_by_any_key(folder: Path, sort: str, wanted: list[str]) -> None:
    assert [row.name for row in RunsTable(runs_in(folder)[0], sort).rows] == wanted


@pytest.mark.parametrize("sort", ["test_accuracy", "test_loss", "best", "val_loss"])
def test_by_a_metric_the_best_come_first_and_those_without_it_last(folder: Path, sort: str) -> None:
    rows = RunsTable(runs_in(folder)[0], sort).rows
    name = sort.removeprefix("test_")
    values = [r.test.get(name) if sort != name else r.best_value for r in rows if r.monitor]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=sort == "test_accuracy")
    if sort != "best":
        assert rows[-1].name == "killed"


def test_a_key_that_no_run_has_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="--sort nothing: no run has it"):
        RunsTable(runs_in(folder)[0], "nothing")
    with pytest.raises(UsageError, match="gone: is not a folder"):
        runs_in(folder / "gone")
    with pytest.raises(UsageError, match="b: is a run"):
        runs_in(folder / "b")


def test_columns_for_which_there_is_no_room_are_named(folder: Path) -> None:
    table = RunsTable(runs_in(folder)[0], None)
    lines, dropped = runs_lines(table, 60)
    assert max(map(cells, lines)) <= 60
    assert dropped
    assert set(dropped) < set(table.titles)
    assert runs_lines(table, 1000)[1] == []


def test_a_run_that_is_trained_now_is_running(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "killed", tmp_path / "r")
    with (tmp_path / "r/.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [row.state for row in runs_in(tmp_path)[0]] == ["running"]
    assert [row.state for row in runs_in(tmp_path)[0]] == ["stopped"]


@pytest.mark.parametrize("name", ["last.safetensors", "summary.json"])
@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 9, b'{"epoch": NaN}', b"[" * 100_000])
def test_damaged_runs_are_named_and_the_others_listed(
    name: str, data: bytes, folder: Path, tmp_path: Path
) -> None:
    for run in ("a-2", "b"):
        shutil.copytree(folder / run, tmp_path / run)
    (tmp_path / "b" / name).write_bytes(data)
    rows, notes = runs_in(tmp_path)
    assert [row.name for row in rows] == ["a-2"]
    assert len(notes) == 1
    assert name in notes[0]


def test_two_hundred_runs_take_a_moment(folder: Path, tmp_path: Path) -> None:
    """No YAML and no array is read: that would take 20 s."""
    for number in range(200):
        place = tmp_path / f"r-{number}"
        place.mkdir()
        for name in ("last.safetensors", "summary.json", ".lock"):
            (place / name).hardlink_to(folder / "b" / name)
    began = time.process_time()
    rows, notes = runs_in(tmp_path)
    lines, _ = runs_lines(RunsTable(rows, None), 80)
    assert time.process_time() - began < 5
    assert (len(lines), notes) == (201, [])


def test_titles_are_as_short_as_tells_them_apart() -> None:
    keys = ["training.epochs", "model.layers.1.units", "model.layers.2.units", "a.type", "type"]
    assert short_titles(keys) == ["epochs", "1.units", "2.units", "a.type", "type"]


def test_lists_of_scalars_are_one_value_and_layers_are_numbered() -> None:
    a, b = (
        settings_of({"x": [1, 2], "y": [{"u": 1}, {"u": 2}]}),
        settings_of({"x": [1, 3], "y": [{"u": 1}]}),
    )
    assert a == {"x": [1, 2], "y.1.u": 1, "y.2.u": 2}
    assert differing([a, b]) == ["x", "y.2.u"]

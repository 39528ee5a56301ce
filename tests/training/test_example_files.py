"""Files of predictions hold what predict prints, and what is true."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_runs import settings, train

from mlptrain.cli.app import run as mlptrain
from mlptrain.errors import DataError, UsageError
from mlptrain.text import show_path
from mlptrain.training.trained_model import Prediction, load_model

WITH_MISTAKES = ("classification", "multi_label")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def task_of(run: Path) -> str:
    return run.parent.name.rstrip("0123456789")


def test_both_formats_hold_what_predict_says(
    task_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("p.csv", "p.jsonl"):
        mlptrain(["eval", str(task_run), "--predictions", str(tmp_path / name)])
    table, records = rows(tmp_path / "p.csv"), lines(tmp_path / "p.jsonl")
    assert len(table) == len(records) == 12
    capsys.readouterr()
    model = load_model(task_run / "best.safetensors")
    predictions = list(model.predict([row["path"] for row in table], 1))
    for row, record, prediction in zip(table, records, predictions, strict=True):
        assert isinstance(prediction, Prediction)
        assert record["path"] == row["path"] == show_path(prediction.path)
        said = prediction.answer.record
        fields = model.task.target_fields(model.state.targets)
        of_csv = [value for name, value in row.items() if name.startswith("predicted")]
        assert of_csv == [str(value) for value in prediction.answer.values[: len(fields)]]
        assert record.get("predicted") in (*said.values(), None)
        assert ("true" in record) == ("predicted" in record) == bool(fields)
        if model.task.gives_probabilities:
            named = record["probabilities"]
            assert isinstance(named, dict)
            assert {
                f"probability.{name}": str(p) for name, p in named.items()
            }.items() <= row.items()
            assert said.get("probability", max(named.values())) == max(named.values())
        if model.task.error_name:
            assert row[model.task.error_name] == str(record[model.task.error_name])
        else:
            assert row["wrong"] == str(int(record["true"] != record["predicted"]))
            assert record["wrong"] == (record["true"] != record["predicted"])


def test_errors_are_the_wrong_ones_the_worst_first(task_run: Path, tmp_path: Path) -> None:
    arguments = ["eval", str(task_run), "--errors", str(tmp_path / "e.jsonl")]
    if task_of(task_run) not in WITH_MISTAKES:
        with pytest.raises(UsageError, match="no right and wrong predictions"):
            mlptrain(arguments)
        return
    mlptrain([*arguments, "--predictions", str(tmp_path / "p.jsonl")])
    wrong = [each for each in lines(tmp_path / "p.jsonl") if each["wrong"]]
    found = lines(tmp_path / "e.jsonl")
    assert sorted(found, key=str) == sorted(wrong, key=str)
    if task_of(task_run) == "multi_label":
        sets = [(set(each["true"]), set(each["predicted"])) for each in found]  # type: ignore[call-overload]
        counts = [len(true ^ predicted) for true, predicted in sets]
        assert counts == sorted(counts, reverse=True) != []


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run on arrays whose class names try to leave their cell or their line."""
    x = np.random.default_rng(0).normal(size=(30, 2))
    names = np.array(['a,"b', "two\nlines", "::\x1b[2J"])[np.arange(30) % 3]
    np.savez(tmp_path / "train.npz", x=x, y=names)
    train(tmp_path, settings(data={"train": "train.npz", "validation": 0.5}, epochs=1))
    return tmp_path / "run"


def test_hostile_names_stay_in_their_cells(hostile: Path, tmp_path: Path) -> None:
    for name in ("e.csv", "e.jsonl"):
        place = str(tmp_path / name)
        mlptrain(["eval", str(hostile), "--split", "validation", "--errors", place])
    table, records = rows(tmp_path / "e.csv"), lines(tmp_path / "e.jsonl")
    assert len(table) == len(records) > 3
    shown = {'a,"b': 'a,"b', "two\nlines": "two\\nlines", "::\x1b[2J": "\\x3a:\\x1b[2J"}
    assert [row["true"] for row in table] == [shown[str(each["true"])] for each in records]
    confidence = [float(row[f"probability.{row['predicted']}"]) for row in table]
    assert confidence == sorted(confidence, reverse=True)
    assert "\x1b" not in (tmp_path / "e.csv").read_text()
    assert set(table[0]) >= {f"probability.{name}" for name in shown.values()}


def test_without_mistakes_the_table_has_its_header_alone(task_run: Path, tmp_path: Path) -> None:
    if task_of(task_run) != "classification":
        return
    mlptrain(["eval", str(task_run), "--errors", str(tmp_path / "e.csv")])
    text = (tmp_path / "e.csv").read_text()
    assert text == "path,true,predicted,wrong,probability.day,probability.night\n"


def test_a_file_that_is_there_is_replaced_but_not_the_data(task_run: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("old")
    mlptrain(["eval", str(task_run), "--predictions", str(tmp_path / "p.csv")])
    assert len(rows(tmp_path / "p.csv")) == 12
    data = Path(shutil.copy(task_run.parent / "test.csv", tmp_path))
    before = data.read_bytes()
    with pytest.raises(DataError, match="is the data itself"):
        mlptrain(["eval", str(task_run), "--data", str(data), "--predictions", str(data)])
    detour = tmp_path / "by" / ".." / "test.csv"
    (tmp_path / "by").mkdir()
    with pytest.raises(DataError, match="is the data itself"):
        mlptrain(["eval", str(task_run), "--data", str(data), "--predictions", str(detour)])
    assert data.read_bytes() == before


@pytest.mark.parametrize("name", ["split.csv", "metrics.jsonl"])
def test_no_file_of_a_run_is_replaced(name: str, task_run: Path) -> None:
    before = (task_run / name).read_bytes()
    with pytest.raises(UsageError, match="is a file of a run"):
        mlptrain(["eval", str(task_run), "--predictions", str(task_run / name)])
    assert (task_run / name).read_bytes() == before


def test_predictions_and_errors_are_two_files(task_run: Path, tmp_path: Path) -> None:
    if task_of(task_run) == "classification":
        both = ("--predictions", str(tmp_path / "a.csv"), "--errors", str(tmp_path / "a.csv"))
        with pytest.raises(UsageError, match="Name two"):
            mlptrain(["eval", str(task_run), *both])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("p.txt", "is not named .csv or .jsonl"),
        ("p", "is not"),
        ("gone/p.csv", "there is no folder"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_is_read(
    name: str, said: str, task_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=said):
        mlptrain(["eval", str(task_run), "--data", "gone", "--predictions", str(tmp_path / name)])
    assert capsys.readouterr().out == ""


def test_the_worst_mistakes_are_shown_and_no_others(
    task_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mlptrain(["eval", str(task_run)])
    last = capsys.readouterr().out.splitlines()[-6:]
    match task_of(task_run):
        case "classification":  # no mistake
            assert "worst" not in "".join(last)
        case "multi_label":
            assert last[0].split() == ["worst", "mistakes", "true", "predicted"]
            assert all("/test/images/" in line for line in last[1:])
        case _:
            assert last[0].startswith("largest errors")
            numbers = [float(line.split()[-1]) for line in last[1:]]
            assert numbers == sorted(numbers, reverse=True)

"""Gates on what a model loses compared with another one on the same examples."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_runs import make_project, scenes, write_table

from mlptrain.cli.app import run as mlptrain
from mlptrain.cli.drops import parse_drops
from mlptrain.comparison.compare import Comparison
from mlptrain.comparison.measured import Measured
from mlptrain.errors import DataError, GateMissedError, UsageError
from mlptrain.training.evaluated_model import evaluate_model
from mlptrain.training.saved_examples import read_same
from mlptrain.training.trained_model import load_model


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    mlptrain(["eval", *arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def saved(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """What eval --json printed for the long run."""
    path = tmp_path / "long.json"
    path.write_text(json.dumps(printed(capsys, str(pair / "long"))))
    return path


def test_a_run_and_its_saved_evaluation_are_the_same_baseline(
    pair: Path, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_run = printed(capsys, str(pair / "short"), "--baseline", str(pair / "long"))
    by_file = printed(capsys, str(pair / "short"), "--baseline", str(saved))
    assert by_run == by_file
    before, after = json.loads(saved.read_text()), by_run
    for each in by_run["baseline"]["metrics"]:
        assert each["before"] == before["metrics"][each["name"]]
        assert each["after"] == after["metrics"][each["name"]]
    wrong = before["wrong"], after["wrong"]
    flips = by_run["baseline"]["right_to_wrong"], by_run["baseline"]["wrong_to_right"]
    if None in wrong:
        assert flips == (None, None)
        return
    lost, gained = set(wrong[1]) - set(wrong[0]), set(wrong[0]) - set(wrong[1])
    assert flips == (len(lost), len(gained))


def test_the_text_tells_both_and_the_change(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mlptrain(["eval", str(pair / "short"), "--baseline", str(pair / "long")])
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("baseline "))
    assert lines[start].endswith("long/best.safetensors")
    assert lines[start + 1].split() == ["metric", "before", "after", "change"]
    name, before, after, change = lines[start + 2].split()
    assert name == load_model(pair / "short/best.safetensors").task.headline
    assert float(change) == pytest.approx(float(after) - float(before), abs=2e-4)


def test_a_metric_may_drop_by_so_much_and_no_more(pair: Path) -> None:
    base = ["eval", str(pair / "short"), "--baseline", str(pair / "long")]
    better = ["eval", str(pair / "long"), "--baseline", str(pair / "short")]
    mlptrain([*base, "--max-drop", "loss=1e6"])
    mlptrain([*better, "--max-drop", "loss=0"])
    with pytest.raises(GateMissedError, match=r"gate missed: loss got worse by .*allowed is 0$"):
        mlptrain([*base, "--max-drop", "loss=0"])


def test_other_examples_are_no_baseline(pair: Path, saved: Path) -> None:
    with pytest.raises(DataError, match=r"long\.json: is of other images than validation"):
        mlptrain(["eval", str(pair / "short"), "--split", "validation", "--baseline", str(saved)])


def test_a_model_of_other_classes_is_named_as_what_cannot_be_compared(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        config = str(make_project(tmp_path / name, "classification"))
        if name == "b":
            for split in ("train", "test"):
                table = tmp_path / name / f"{split}.csv"
                table.write_text(table.read_text().replace(",day,", ",noon,"))
        mlptrain(["train", config, "--run-dir", str(tmp_path / name / "run"), "--quiet"])
    a, b = (str(tmp_path / name / "run") for name in ("a", "b"))
    said = "b/run.*: cannot be compared on these examples. .*'day' unknown to the training set"
    for arguments in (["eval", a, "--baseline", b], ["diff", b, a]):
        with pytest.raises(DataError, match=said):
            mlptrain(arguments)


def test_other_data_is_read_for_both(
    pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the model was trained on are left out for both."""
    rows = [*scenes("test", 5), *scenes("train", 40)]
    for row in rows:
        row["labels"] = "night" if "night" in row["labels"] else "day"
    if not pair.name.startswith("classification"):
        return
    data = str(write_table(tmp_path / "both.csv", rows))
    arguments = (str(pair / "short"), "--baseline", str(pair / "long"), "--data", data)
    found = printed(capsys, *arguments)
    assert found["left_out"] == 30
    assert found["examples"] == 15
    result = evaluate_model(load_model(pair / "long/best.safetensors"), None, data, lambda *_: None)
    accuracy = next(e for e in found["baseline"]["metrics"] if e["name"] == "accuracy")
    assert accuracy["before"] == result.outcome.accuracy


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        ("accuracy", "is no limit"),
        ("accuracy=-1", "is no limit"),
        ("accuracy=nan", "is no limit"),
        ("acuracy=0", "did you mean 'accuracy'"),
    ],
)
def test_a_limit_that_is_none_is_refused(drop: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        mlptrain(["eval", "gone", "--baseline", "gone", "--max-drop", drop])


def test_a_limit_needs_a_baseline() -> None:
    with pytest.raises(UsageError, match="Add --baseline RUN"):
        mlptrain(["eval", "gone", "--max-drop", "accuracy=0"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"examples": 3}', "\0", '{"wrong": "x"}'])
def test_what_is_no_evaluation_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(DataError, match=r"e\.json: "):
        Measured.read(tmp_path / "e.json")


def measured(**changes: Any) -> Measured:
    given: dict[str, Any] = {
        "model": None,
        "examples": 9,
        "fingerprint": "",
        "trained_on": None,
        "metrics": {"accuracy": 0.5, "roc_auc": None},
        "wrong": [0, 1, 5],
        "classes": [{"name": "a", "recall": 0.5}, {"name": "b", "recall": 0.25}],
    }
    return Measured.model_validate(given | changes)


@pytest.mark.parametrize(
    ("drop", "before", "after", "is_missed"),
    [
        ("accuracy=0.1", 0.9, 0.8, False),  # by 0.09999999999999998
        ("accuracy=0.1", 0.8, 0.7, False),  # by 0.10000000000000009
        ("accuracy=0.1", 0.8, 0.69, True),
        ("accuracy=0", 0.7, 0.9, False),
        ("accuracy=1", None, 0.9, True),
        ("accuracy=1", 0.9, None, True),
        ("log_loss=0.1", 0.8, 0.91, True),
        ("log_loss=0", 0.8, 0.7, False),
    ],
)
def test_worse_is_less_of_what_should_be_high_and_more_of_what_should_be_low(
    drop: str, before: float | None, after: float | None, is_missed: bool
) -> None:
    name = drop.partition("=")[0]
    both = (measured(metrics={name: value}) for value in (before, after))
    (limit,) = parse_drops([drop], Path("run"))
    assert bool(limit.judge(Comparison(*both)).missed) == is_missed


def test_changes_are_after_minus_before_the_largest_first() -> None:
    after = measured(
        metrics={"accuracy": 0.75, "roc_auc": 0.5},
        wrong=[1, 8, 7],
        classes=[{"name": "a", "recall": 0.25}, {"name": "b", "recall": 1}],
    )
    comparison = Comparison(measured(), after)
    assert [each.difference for each in comparison.metrics] == [0.25, None]
    assert [(each.name, each.difference) for each in comparison.parts] == [
        ("b", 0.75),
        ("a", -0.25),
    ]
    assert comparison.flips is not None
    lost, gained = comparison.flips
    assert (lost.tolist(), gained.tolist()) == ([7, 8], [0, 5])
    assert comparison.p_value == 1
    assert comparison.change("recall.b").difference == 0.75
    np.testing.assert_equal(comparison.change("recall.c"), ("recall.c", None, None))


def test_both_models_see_the_examples_in_one_order(pair: Path) -> None:
    """Even if the table that lists them has been sorted since."""
    model = load_model(pair / "short/best.safetensors")
    result = evaluate_model(model, "test", None, lambda *_: None)
    backwards = result.dataset.select(np.arange(len(result.dataset))[::-1])
    args = (model.state, model.image, result.source)
    found = read_same(*args, backwards, lambda *_: None)
    assert found.names == backwards.names
    np.testing.assert_array_equal(found.digests, backwards.digests)
    assert found.targets.texts() == backwards.targets.texts()
    gone = replace(backwards, names=("gone.png", *backwards.names[1:]))
    with pytest.raises(DataError, match=r"this model cannot read gone\.png"):
        read_same(*args, gone, lambda *_: None)

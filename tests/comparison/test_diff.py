"""The difference of two runs: their configs, metrics, and predictions that changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlptrain.cli.app import run as mlptrain
from mlptrain.errors import UsageError
from mlptrain.text import show_path


@pytest.fixture
def found(pair: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The difference from the short run to the long one, on the training split."""
    capsys.readouterr()
    both = [str(pair / "short"), str(pair / "long")]
    mlptrain(["diff", *both, "--split", "train", "--json"])
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def predictions(run: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """The rows that eval writes for the training split, by path."""
    file = folder / f"{run.name}.jsonl"
    mlptrain(["eval", str(run), "--split", "train", "--predictions", str(file)])
    rows = map(json.loads, file.read_text().splitlines())
    return {row["path"]: row for row in rows}


def test_what_changed_is_what_two_evaluations_say(
    pair: Path, found: dict[str, Any], tmp_path: Path
) -> None:
    a, b = (predictions(pair / name, tmp_path) for name in ("short", "long"))
    assert found["settings"] == [
        {"key": "training.epochs", "a": 1, "b": 12},
        {"key": "training.optimizer.learning_rate", "a": 1e-06, "b": 0.001},
    ]
    assert found["examples"] == len(b) == 30
    if "right_to_wrong" not in found:
        name = next(key for key in b[next(iter(b))] if key not in ("path", "true", "predicted"))
        for key, sign in (("error_grew", 1), ("error_shrank", -1)):
            growth = [sign * (each["b"] - each["a"]) for each in found[key]]
            assert growth == sorted(growth, reverse=True)
            assert all(each > 0 for each in growth)
            for each in found[key]:
                assert each["a"] == a[each["path"]][name]
                assert each["b"] == b[each["path"]][name]
        assert len(found["error_grew"]) + len(found["error_shrank"]) == 30
        return
    for key, first, second in (("right_to_wrong", a, b), ("wrong_to_right", b, a)):
        wanted = {p for p in a if not first[p]["wrong"] and second[p]["wrong"]}
        assert {each["path"] for each in found[key]} == wanted
        for each in found[key]:
            assert each["true"] == a[each["path"]]["true"]
            assert each["a"] == a[each["path"]]["predicted"] != each["b"]
            assert each["b"] == b[each["path"]]["predicted"]
    assert found["wrong_to_right"]


def test_the_text_shows_both_runs_and_the_largest_changes(
    pair: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    mlptrain(["diff", str(pair / "short"), str(pair / "long"), "--split", "train"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"a     {show_path(pair / 'short/best.safetensors')}   epoch 1"
    assert lines[2] == "data  train   n = 30"
    assert lines[5].split() == ["training.epochs", "1", "12"]
    changed = found.get("error_shrank") or found["wrong_to_right"]
    titles = [i for i, line in enumerate(lines) if line.startswith("now right") or "shrank" in line]
    assert lines[titles[0] + 1].split()[0] == changed[0]["path"]


def test_a_run_does_not_differ_from_itself(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    mlptrain(["diff", str(pair / "long"), str(pair / "long")])
    text = capsys.readouterr().out
    assert "the configs are the same" in text
    assert "now wrong  " not in text
    assert "grew" not in text


def test_models_for_other_tasks_are_not_compared(pair: Path) -> None:
    others = [
        each for each in pair.parent.iterdir() if not each.is_symlink() and (each / "long").is_dir()
    ]
    for other in [each for each in others if each != pair][:1]:
        with pytest.raises(UsageError, match="Compare models for the same task"):
            mlptrain(["diff", str(other / "long"), str(pair / "long")])

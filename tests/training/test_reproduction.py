"""`mlptrain reproduce`: identical if nothing changed, else the first difference."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from task_runs import TASKS, make_project

from mlptrain.cli.app import run
from mlptrain.errors import DataError, GateMissedError, UsageError
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint


def trained(folder: Path, task: str = "classification") -> Path:
    config = make_project(folder, task)
    settings = ("training.epochs=2", "data.validation=0.2")
    chosen = [part for each in settings for part in ("--set", each)]
    assert run(["train", str(config), "--run-dir", str(folder / "run"), *chosen, "-q"]) == 0
    return folder / "run"


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """The folder of a run, to be changed."""
    return trained(tmp_path)


def differing(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    with pytest.raises(GateMissedError, match="run: is not reproduced"):
        run(["reproduce", str(folder)])
    return capsys.readouterr().out.splitlines()


def rewritten(folder: Path, name: str, **changes: Any) -> Iterator[Checkpoint]:
    """The checkpoint `name`, whose arrays may be changed before it is written again."""
    saved = checkpoint.load(folder / name)
    yield saved
    state = saved.state.model_copy(update=changes)
    saved = replace(saved, state=state)
    checkpoint.save(saved.path, state, saved.parameters, saved.optimizer, saved.layer_state)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_of_every_task_is_identical(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained(tmp_path, task)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    capsys.readouterr()
    assert run(["reproduce", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "identical": True,
        "epochs": 2,
        "difference": None,
        "circumstances": {},
    }
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_changed_metric_is_shown_with_both_values(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = map(json.loads, (result / "metrics.jsonl").read_text().splitlines())
    changed = {**second, "val_loss": 7.5}
    (result / "metrics.jsonl").write_text(f"{json.dumps(first)}\n{json.dumps(changed)}\n")
    assert differing(result, capsys) == [
        "differs first in metrics.jsonl, epoch 2: val_loss",
        "  then 7.5",
        f"  now  {second['val_loss']}",
        "versions, kernels, threads and plug-ins are those of the run",
    ]


def test_a_changed_bit_of_a_checkpoint_is_found(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for saved in rewritten(result, "last.safetensors"):
        bias = saved.parameters["output/bias"].copy()
        now, bias[1] = float(bias[1]), bias[1] * (1 + 2**-23)
        saved.parameters["output/bias"] = bias
    lines = differing(result, capsys)
    assert lines[0] == "differs first in last.safetensors, epoch 2: parameters/output/bias[1]"
    assert lines[2] == f"  now  {now}"


def test_changed_test_metrics_and_splits_are_found(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = json.loads((result / "summary.json").read_text())
    summary["test"]["accuracy"] = 2.0
    (result / "summary.json").write_text(json.dumps(summary))
    assert differing(result, capsys)[0] == "differs first in summary.json, epoch 2: test.accuracy"
    text = (result / "split.csv").read_text()
    (result / "split.csv").write_text(text.replace("validation,", "train,", 1))
    assert differing(result, capsys)[0].startswith("differs first in split.csv: line ")


def test_another_environment_is_the_probable_reason(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = checkpoint.load(result / "last.safetensors").state
    environment = {**state.environment, "numpy": "1.0"}
    for _ in rewritten(result, "last.safetensors", environment=environment):
        pass
    capsys.readouterr()
    assert run(["reproduce", str(result)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("identical: split, metrics of 2 epochs")
    assert lines[1].startswith("changed, without effect: numpy: 1.0 then, ")
    (result / "metrics.jsonl").write_text("{}\n{}\n")
    assert differing(result, capsys)[-1].startswith("probable reason: numpy: 1.0 then, ")


def test_changed_data_and_a_run_that_has_not_ended_are_refused(result: Path) -> None:
    table = result.parent / "train.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join([*rows[:-1], ""]))
    with pytest.raises(DataError, match=r"the train .* not those of the run.* --split train"):
        run(["reproduce", str(result)])
    (result / "summary.json").write_text("{")
    with pytest.raises(DataError, match=r"summary\.json: is no summary of a run, or is damaged"):
        run(["reproduce", str(result)])
    (result / "summary.json").unlink()
    with pytest.raises(UsageError, match=r"has no summary\.json, so it has not ended\. Resume"):
        run(["reproduce", str(result)])
    for place in ("nope", "metrics.jsonl"):
        with pytest.raises(
            UsageError, match=r"(nope|metrics\.jsonl): (does not exist|is not a run)"
        ):
            run(["reproduce", str(result / place)])

"""`mlptrain selfcheck`: it passes on every task, and finds what is planted."""

import json
from pathlib import Path

import pytest
from plugin_loading import forgotten
from task_runs import TASKS, make_project

from mlptrain.cli.app import run
from mlptrain.config.load import load_config
from mlptrain.errors import GateMissedError
from mlptrain.training.selfcheck import Check, selfcheck

WRONG = """
from typing import Literal
from mlptrain.functions.activations import Activation, activations

@activations.register
class Wrong(Activation):
    "y = x², whose gradient rule forgets the 2."
    type: Literal["wrong"] = "wrong"

    def forward(self, xp, out, x):
        xp.multiply(x, x, out=out)

    def gradient_x(self, xp, out, g, x):
        xp.multiply(g, x, out=out)
"""


def checks(config: Path, *overrides: str, plugins: tuple[Path, ...] = ()) -> dict[str, Check]:
    given = load_config(config, overrides, plugins)
    return {each.name: each for each in selfcheck(given, lambda *_: None)}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_passes(task: str, tmp_path: Path) -> None:
    found = checks(make_project(tmp_path, task))
    assert {name: each.passed for name, each in found.items()} == {
        "gradients": True,
        "one batch": True,
        "predictions": True,
    }
    assert found["gradients"].figures["largest_error"] < 1e-6
    assert found["gradients"].figures["checked"] >= 64
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "test.csv",
        "tiny.yaml",
        "train.csv",
    ]


def test_dropout_and_penalties_are_checked_with_fixed_numbers(tmp_path: Path) -> None:
    layers = (
        "[{type: dense, units: 8, activation: relu, kernel_regularizer: {type: l1, factor: 0.1}}, "
        "{type: dropout, rate: 0.5}]"
    )
    config = make_project(tmp_path, "classification")
    config.write_text(config.read_text().replace("{hidden_layers: [16]}", f"{{layers: {layers}}}"))
    found = checks(config)
    assert found["gradients"].passed
    assert found["gradients"].figures["parameter"] in found["gradients"].found


def test_a_wrong_gradient_of_a_plugin_is_found(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    config = make_project(tmp_path, "classification")
    with forgotten():
        found = checks(config, "model.activation=wrong", plugins=(tmp_path / "wrong.py",))
    assert not found["gradients"].passed
    assert found["gradients"].figures["largest_error"] > 0.1
    assert "dense_1" in found["gradients"].figures["parameter"]
    assert found["predictions"].passed


def test_the_command_names_the_failed_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_project(tmp_path, "classification")
    held_back = ["--set", "training.loss.label_smoothing=0.9"]  # the loss cannot fall by half
    with pytest.raises(GateMissedError, match=r"^selfcheck failed: one batch$"):
        run(["selfcheck", str(config), *held_back])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["gradients", "one batch", "predictions"]
    assert ["FAILED" in line for line in lines] == [False, True, False]
    assert run(["selfcheck", str(config), "--json"]) == 0
    records = json.loads(capsys.readouterr().out)["checks"]
    assert [(each["name"], each["passed"]) for each in records] == [
        ("gradients", True),
        ("one batch", True),
        ("predictions", True),
    ]
    assert records[1]["last_loss"] <= records[1]["bound"] < records[1]["first_loss"]

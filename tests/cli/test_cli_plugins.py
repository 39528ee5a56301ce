"""Plug-ins from the command line to the model file and back."""

import json
from pathlib import Path

import pytest
from tiny_project import make_project
from tool_process import run

HALF = '''
from typing import Literal
from mlptrain.functions.activations import Activation, activations

@activations.register
class Half(Activation):
    """y = x / 2."""
    type: Literal["half"] = "half"

    def forward(self, xp, out, x):
        xp.multiply(x, 0.5, out=out)

    def gradient_x(self, xp, out, g):
        """g / 2"""
        xp.multiply(g, 0.5, out=out)
'''
CHOSEN = ("--set", "model.activation=half")
GIVEN = ("--plugin", "own/half.py")
IMAGE = "data/test/left/000.png"


def write(place: Path, text: str = HALF) -> None:
    (place / "own").mkdir(exist_ok=True)
    (place / "own/half.py").write_text(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plug-in and a run that needs it. Not to be changed."""
    place = make_project(tmp_path_factory.mktemp("made"))
    write(place)
    ended = run("train", "tiny.yaml", *CHOSEN, *GIVEN, cwd=place)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == (
        "next     mlptrain eval runs/tiny-001 --plugin own/half.py   "
        "mlptrain predict IMAGE --model runs/tiny-001 --plugin own/half.py"
    )
    return place


def test_every_command_that_reads_a_config_takes_them(project: Path) -> None:
    write(project)
    config = run("train", "tiny.yaml", *CHOSEN, *GIVEN, "--print-config", cwd=project)
    assert "  activation: half " in config.out
    assert f"{project}/own/half.py" in config.out
    schema = run("schema", *GIVEN, cwd=project)
    assert json.loads(schema.out)["$defs"]["Half"]["description"] == "y = x / 2."
    ended = run("train", "tiny.yaml", *CHOSEN, cwd=project)
    assert ended.code == 2
    assert "unknown activation 'half'" in ended.err


@pytest.mark.parametrize("command", [("eval",), ("predict", IMAGE), ("predict", "own")])
def test_a_model_runs_no_code_that_is_not_named(command: tuple[str, ...], made: Path) -> None:
    if command[-1] == "own":
        command = ("predict", IMAGE, "--model", "runs/tiny-001/last.safetensors")
    ended = run(*command, cwd=made)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.endswith(
        ".safetensors: was trained with the plug-in half.py, and reading a model runs no code. "
        "Name the file: --plugin half.py\n"
    )
    assert run(*command, *GIVEN, cwd=made).code == 0


@pytest.mark.parametrize("command", [("eval",), ("predict", IMAGE)])
def test_another_version_is_noted(command: tuple[str, ...], made: Path, tmp_path: Path) -> None:
    write(tmp_path, HALF + "# changed\n")
    given = ("--plugin", str(tmp_path / "own/half.py"))
    ended = run(*command, *given, cwd=made)
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == (
        "the plug-in half.py is not the version that the model was trained with; "
        "its results may differ"
    )


def test_the_run_folder_trains_the_same_again_and_resumes(made: Path, project: Path) -> None:
    """Its config.yaml names the plug-in, from where it stands."""
    write(project)
    first = run("train", "tiny.yaml", *CHOSEN, *GIVEN, "--set", "training.epochs=2", cwd=project)
    assert first.code == 0
    assert "plugins: [../../own/half.py]" in (project / "runs/tiny-001/config.yaml").read_text()
    again = run("train", "runs/tiny-001/config.yaml", "--run-dir", "again", cwd=project)
    assert (again.code, again.err) == (0, "")
    more = (*CHOSEN, "--set", "training.epochs=3", "--resume")
    write(project, HALF + "# changed\n")
    ended = run("train", "tiny.yaml", *GIVEN, *more, cwd=project)
    assert (ended.code, ended.err) == (
        2,
        "runs/tiny-001/last.safetensors: was trained with another version of the plug-in half.py. "
        "Restore that to resume the run, or start a new run.\n",
    )
    write(project)
    ended = run("train", "tiny.yaml", *GIVEN, *more, cwd=project)
    assert (ended.code, ended.err) == (0, "")
    rows = [(place / "runs/tiny-001/metrics.jsonl").read_text() for place in (made, project)]
    losses = [[json.loads(row)["train_loss"] for row in text.splitlines()] for text in rows]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "--plugin own/half.py: does not exist.\n"),
        ("def f(:", "own/half.py:1: invalid syntax.\n"),
    ],
)
@pytest.mark.parametrize("command", [("train", "tiny.yaml"), ("schema",)])
def test_what_cannot_be_run_is_said_in_one_line(
    command: tuple[str, ...], text: str | None, message: str, project: Path
) -> None:
    if text is not None:
        write(project, text)
    ended = run(*command, *GIVEN, cwd=project)
    assert (ended.code, ended.out, ended.err) == (2, "", message)


def test_a_rule_that_fails_is_not_called_a_bug_in_mlptrain(project: Path) -> None:
    write(project, HALF.replace("xp.multiply(x, 0.5, out=out)", "xp.halve(x)"))
    ended = run("train", "tiny.yaml", *CHOSEN, *GIVEN, cwd=project)
    assert ended.code == 2
    assert ended.err.endswith("\nown/half.py:11: this plug-in raised the error above.\n")
    write(project, HALF.replace("out, x):", "out, x, *, t):"))
    ended = run("train", "tiny.yaml", *CHOSEN, *GIVEN, cwd=project)
    assert ended.code == 2
    assert ended.err == (
        "own/half.py:10: Half.forward asks for 't'; it may ask for x, y, random.\n"
    )


OWN_METRIC = '''
from typing import ClassVar, Literal
from mlptrain.tasks.metrics.metric import Metric, metrics
from mlptrain.tasks.outcomes.classes import ClassOutcome

@metrics.register
class Own(Metric):
    """A number."""
    type: Literal["own"] = "own"
    applies_to: ClassVar = (ClassOutcome,)
    in_summary: ClassVar[bool] = True

    def value(self, outcome):
        return {}
'''


@pytest.mark.parametrize("number", ["outcome.scores.max()", "outcome.confusion.max()", "1"])
def test_a_metric_may_be_any_kind_of_number(number: str, made: Path) -> None:
    (made / "own/number.py").write_text(OWN_METRIC.format(number))
    given = ("eval", "runs/tiny-001", *GIVEN, "--plugin", "own/number.py")
    ended = run(*given, "--json", cwd=made)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["metrics"]["own"] > 0.3


def test_what_a_plugin_made_fail_elsewhere_may_be_its_fault(made: Path) -> None:
    (made / "own/none.py").write_text(OWN_METRIC.format("None"))
    ended = run("eval", "runs/tiny-001", *GIVEN, "--plugin", "own/none.py", cwd=made)
    assert ended.code == 1
    assert ended.err.endswith(
        "This is a bug in mlptrain or in the plug-in half.py or none.py; please report it with the "
        "lines above.\n"
    )


SPECIFICITY = '''
from typing import Literal
from mlptrain.tasks.metrics.metric import ClassMetric, metrics, ratio

@metrics.register
class Specificity(ClassMetric):
    """TN / (TN + FP)."""
    type: Literal["specificity"] = "specificity"

    def per_class(self, outcome):
        others = outcome.total - outcome.support
        return ratio(others - outcome.predicted + outcome.hits, others)
'''


def test_a_metric_of_one_s_own_is_in_json_and_in_gates(made: Path) -> None:
    (made / "own/metric.py").write_text(SPECIFICITY)
    given = ("eval", "runs/tiny-001", *GIVEN, "--plugin", "own/metric.py")
    result = json.loads(run(*given, "--json", cwd=made).out)
    values = [each["specificity"] for each in result["classes"]]
    assert result["metrics"]["macro_specificity"] == pytest.approx(sum(values) / 3)
    reached = [f"macro_specificity={result['metrics']['macro_specificity']}", "specificity.top=0"]
    assert run(*given, "--min", reached[0], "--min", reached[1], cwd=made).code == 0
    ended = run("eval", "runs/tiny-001", *GIVEN, "--min", reached[0], cwd=made)
    assert ended.code == 2
    assert "there is no metric 'macro_specificity'" in ended.err

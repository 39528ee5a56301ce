"""How much a command tells: -q, -v, --json."""

import json
import re
from pathlib import Path

import pytest
from tool_process import Ended, run, run_on_terminal

RUN = "runs/tiny-001"


def test_quiet_training_prints_its_result_alone(project: Path) -> None:
    (project / "data/train/top/bad.png").write_bytes(b"no image")
    arguments = ("train", "tiny.yaml", "--set", "data.on_bad_image=skip", "-q")
    ended = run_on_terminal(*arguments, cwd=project, columns=200)
    assert ended.code == 0
    assert re.fullmatch(
        r"run      runs/tiny-001\r\n"
        r"done     3 epochs   weights of epoch \d kept \(val_loss \S+\)\r\n"
        r"test     accuracy .* majority class 0.333\r\n",
        ended.out,
    )


def test_verbose_training_tells_where_data_and_time_came_from(project: Path) -> None:
    ended = run("train", "tiny.yaml", "-v", cwd=project)
    assert ended.code == 0
    read, held_out, times = ended.err.splitlines()
    assert read == "train, validation: 48 images from data/train, decoded now"
    assert held_out == "test: 24 images from data/test, decoded now"
    assert re.fullmatch(
        r"time: reading \d+\.\d\d s, training \d+\.\d\d s, validation and saving \d+\.\d\d s, "
        r"test \d+\.\d\d s",
        times,
    )


@pytest.mark.parametrize("quiet", [False, True])
def test_json_is_the_summary_and_the_rest_goes_to_stderr(project: Path, quiet: bool) -> None:
    ended = run("train", "tiny.yaml", "--json", *["-q"] * quiet, cwd=project)
    assert ended.code == 0
    found = json.loads(ended.out)
    summary = json.loads((project / RUN / "summary.json").read_text())
    assert found == {"run": RUN, **summary}
    assert found["reason"] == "epochs"
    assert ("\nepoch " in ended.err, "\ndone " in ended.err) == (not quiet, not quiet)
    assert bool(ended.err) is not quiet
    again = run("train", "tiny.yaml", "--resume", "--json", "-q", cwd=project)
    assert again == Ended(0, ended.out, "")


@pytest.mark.parametrize("command", [("eval",), ("predict", "data/test/top/000.png")])
def test_quiet_results_come_without_notes_and_verbose_ones_with_more(
    trained: Path, command: tuple[str, ...]
) -> None:
    usual = run(*command, cwd=trained)
    assert usual.err == f"using the latest run: {RUN}\n"
    assert run(*command, "-q", cwd=trained) == Ended(0, usual.out, "")
    more = run(*command, "-v", cwd=trained)
    assert (more.code, more.out) == (0, usual.out)
    assert more.err.startswith(usual.err)
    assert re.search(r"^time: reading\b.* \d+\.\d\d s$", more.err, re.MULTILINE)
    assert " kernels" in more.err


def test_quiet_predictions_still_name_bad_images(trained: Path) -> None:
    ended = run("predict", "tiny.yaml", "-q", cwd=trained)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("tiny.yaml: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "tiny.yaml", "-q", "-v"], "--quiet, --verbose"),
        (["eval", "-vq"], "--quiet, --verbose"),
        (["predict", "x.png", "--json", "--format", "csv"], "--json, --format csv"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    trained: Path, arguments: list[str], said: str
) -> None:
    ended = run(*arguments, cwd=trained)
    assert ended == Ended(2, "", f"{said}: contradict each other. Give one of the two.\n")

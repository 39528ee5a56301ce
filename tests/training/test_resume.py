"""What --resume goes on with, and what it refuses to go on with."""

import shutil
from pathlib import Path

import pytest
from tiny_runs import CONFIG, INPUTS, content, differing, make_project, mlptrain, start, strict_json

from mlptrain.errors import ConfigError
from mlptrain.training import checkpoint
from mlptrain.training.setup import prepare_run

pytestmark = pytest.mark.slow


@pytest.fixture
def run(reference: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return Path(shutil.copytree(reference, tmp_path / "run"))


def resume(project: Path, run: Path, *arguments: str, code: int = 0) -> str:
    """Resume `run`; returns what it printed, on both streams."""
    ended = mlptrain(
        project, "train", "tiny.yaml", "--run-dir", str(run), "--resume", *arguments, code=code
    )
    return ended.stdout + ended.stderr


def test_a_finished_run_stays_as_it_is(project: Path, reference: Path, run: Path) -> None:
    metrics = (run / "metrics.jsonl").read_bytes()
    assert "is finished, after 3 epochs" in resume(project, run)
    assert differing(run, reference) == []
    assert (run / "metrics.jsonl").read_bytes() == metrics


def test_without_a_state_it_starts_from_the_beginning(
    project: Path, reference: Path, tmp_path: Path
) -> None:
    assert "holds no saved state; training starts from the beginning" in resume(
        project, tmp_path / "run"
    )
    assert differing(tmp_path / "run", reference) == []


def test_more_epochs_go_on_where_the_run_ended(project: Path, tmp_path: Path) -> None:
    """As if it had been meant to be so long from the beginning, whichever epoch is the best."""
    arguments = ("train", "tiny.yaml", "--set", "training.early_stopping={patience: 9}")
    longer = (*arguments, "--set", "training.epochs=5", "--run-dir")
    mlptrain(project, *arguments, "--run-dir", str(tmp_path / "grown"))
    mlptrain(project, *longer, str(tmp_path / "grown"), "--resume")
    mlptrain(project, *longer, str(tmp_path / "at once"))
    assert differing(tmp_path / "grown", tmp_path / "at once") == []


def test_an_unfinished_run_has_no_summary(project: Path, run: Path) -> None:
    """summary.json says how a run ended, so there is none while it goes on."""
    longer = ("training.epochs=5",)
    with prepare_run(project / "tiny.yaml", longer, run, resume=True, reading=lambda *_: None):
        assert not (run / "summary.json").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "1"),
        ("data.normalize", "none"),
        ("model.layers", "[{type: dense, units: 4, activation: relu}]"),
        ("training.batch_size", "6"),
        ("training.optimizer.learning_rate", "0.2"),
        ("training.class_weight", "balanced"),
        ("training.epochs", "2"),
    ],
)
def test_one_changed_key_is_refused(
    project: Path, reference: Path, tmp_path: Path, key: str, value: str
) -> None:
    overrides = [f"{key}={value}"]
    run = shutil.copytree(reference, tmp_path / "run")
    before = content(run)
    with (
        pytest.raises(ConfigError, match=f"  {key}"),
        prepare_run(project / "tiny.yaml", overrides, run, resume=True, reading=lambda *_: None),
    ):
        pass
    assert content(run) == before


def test_epochs_may_not_grow_where_the_learning_rate_depends_on_them(tmp_path: Path) -> None:
    config = make_project(tmp_path)
    config.write_text(CONFIG.replace("learning_rate: 0.1", "learning_rate: 0.1, schedule: cosine"))
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", *ONE)
    before = content(tmp_path / "run")
    printed = resume(tmp_path, tmp_path / "run", "--set", "training.epochs=2", code=2)
    assert "  training.epochs: 1 then, 2 now\n" in printed
    assert content(tmp_path / "run") == before


@pytest.mark.parametrize("epochs", [1, 2])
def test_other_test_images_are_refused_while_the_run_goes_on(tmp_path: Path, epochs: int) -> None:
    """Which ones a run was tested on is a part of it."""
    make_project(tmp_path)
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", *ONE)
    (tmp_path / "run/summary.json").unlink()
    before = content(tmp_path / "run")
    more = ("--set", f"training.epochs={epochs}")
    printed = resume(tmp_path, tmp_path / "run", *NO_TEST, *more, code=3)
    assert "the test images changed since this state was saved" in printed
    assert content(tmp_path / "run") == before


def test_an_ended_run_keeps_its_summary_whatever_the_test_images_are_now(tmp_path: Path) -> None:
    make_project(tmp_path)
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", *ONE)
    before = content(tmp_path / "run")
    printed = resume(tmp_path, tmp_path / "run", *NO_TEST, *ONE)
    assert "data.test: is not what run was tested on, which has ended and stays as it is" in printed
    assert content(tmp_path / "run") == before


def test_another_config_is_refused(project: Path, run: Path) -> None:
    before = content(run)
    changes = ("--set", "seed=1", "--set", "training.optimizer.learning_rate=0.2")
    printed = resume(project, run, *changes, "--set", "training.epochs=9", code=2)
    assert "  seed: 6 then, 1 now\n" in printed
    assert "  training.optimizer.learning_rate: 0.1 then, 0.2 now\n" in printed
    assert "training.epochs:" not in printed
    assert content(run) == before


@pytest.mark.parametrize("change", ["pixel", "label", "gone", "new", "renamed"])
def test_changed_data_is_refused(tmp_path: Path, change: str) -> None:
    make_project(tmp_path)
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", "--set", "training.epochs=1")
    before = content(tmp_path / "run")
    zeros, ones = (tmp_path / "data" / "train" / label for label in "01")
    first, second = sorted(zeros.iterdir())[:2]
    if change == "pixel":
        shutil.copy(second, first)
    elif change == "label":
        first.rename(ones / first.name)
    elif change == "gone":
        first.unlink()
    elif change == "new":
        shutil.copy(first, zeros / "new.png")
    else:
        first.rename(zeros / "new.png")
    ended = mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", "--resume", *ONE, code=3)
    assert "changed since this state was saved" in ended.stderr
    assert content(tmp_path / "run") == before


ONE = ("--set", "training.epochs=1")
NO_TEST = ("--set", "data.test=null")


def test_a_changed_validation_image_is_refused(tmp_path: Path) -> None:
    """Which epoch is the best depends on it."""
    make_project(tmp_path)
    separate = ("--set", "data.validation=data/test", *NO_TEST, *ONE)
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", *separate)
    first, second = sorted((tmp_path / "data" / "test" / "0").iterdir())[:2]
    shutil.copy(second, first)
    arguments = ("train", "tiny.yaml", "--run-dir", "run", "--resume", *separate)
    mlptrain(tmp_path, *arguments, code=3)


def test_moved_data_is_the_same_data(tmp_path: Path) -> None:
    make_project(tmp_path / "here")
    mlptrain(tmp_path / "here", "train", "tiny.yaml", "--run-dir", "run", *ONE)
    (tmp_path / "here").rename(tmp_path / "there")
    mlptrain(tmp_path / "there", "train", "tiny.yaml", "--run-dir", "run", "--resume", *ONE)


ON_ONE_CORE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from mlptrain.cli.app import main
main()
"""


def test_the_thread_count_of_the_run_is_used_again(tmp_path: Path) -> None:
    """Not that of the machine at the time: products with other thread counts round differently."""
    make_project(tmp_path).write_text(CONFIG.replace("  threads: 1\n", ""))
    train = ("train", "tiny.yaml", "--run-dir", "run", *ONE)
    with start(tmp_path, *train, program=ON_ONE_CORE) as process:
        assert process.wait() == 0
    mlptrain(tmp_path, "train", "tiny.yaml", "--run-dir", "run", "--resume")
    assert checkpoint.load(tmp_path / "run" / "last.safetensors").state.threads == 1
    assert strict_json((tmp_path / "run" / "summary.json").read_text())["threads"] == 1


def test_the_latest_run_of_the_config_is_meant(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "runs").mkdir()
    for name in ("tiny-002", "other-009", "tiny-0x9", "tiny-small-011"):
        (tmp_path / "runs" / name).mkdir()
    (tmp_path / "runs" / "tiny-012").touch()
    mlptrain(tmp_path, "train", "tiny.yaml", "--resume", *ONE)
    assert {path.parent.name for path in tmp_path.glob("runs/*/last.safetensors")} == {"tiny-002"}


def test_damaged_states_are_found_before_training(project: Path, run: Path) -> None:
    longer = ("--set", "training.epochs=5")
    (run / "best.safetensors").unlink()
    assert "best.safetensors: is missing, but epoch" in resume(project, run, *longer, code=7)
    (run / "last.safetensors").write_bytes(b"\0" * 5000)
    assert "last.safetensors: is " in resume(project, run, *longer, code=4)


def test_metrics_that_lost_lines_are_refused(project: Path, run: Path) -> None:
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (run / "metrics.jsonl").write_bytes(lines[0])
    assert "has 1 whole lines, but" in resume(project, run, code=7)


@pytest.mark.parametrize("name", [*INPUTS, "metrics.jsonl", "summary.json"])
def test_a_folder_of_something_else_is_not_overwritten(
    project: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    (tmp_path / ".swap.tmp").write_text("precious")
    assert f"holds {name}, which a run would overwrite" in resume(project, tmp_path, code=7)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: "precious",
        ".swap.tmp": "precious",
    }


def test_files_of_others_in_the_folder_are_left_alone(project: Path, tmp_path: Path) -> None:
    """Such as a log that the shell opened before the run."""
    for name in ("log.txt", ".swap.tmp"):
        (tmp_path / name).write_text("precious")
    resume(project, tmp_path)
    for name in ("log.txt", ".swap.tmp"):
        assert (tmp_path / name).read_text() == "precious"


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("last.safetensors", "is missing, but the best state"),
        ("best.safetensors", "is missing, but epoch"),
    ],
)
def test_a_run_whose_last_or_best_state_is_gone_is_not_resumed(
    project: Path, reference: Path, tmp_path: Path, gone: str, said: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(reference, run)
    (run / gone).unlink()
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.name != ".lock"}
    ended = mlptrain(project, "train", "tiny.yaml", "--run-dir", str(run), "--resume", code=7)
    assert f"{gone}: {said}" in ended.stderr
    after = {path.name: path.read_bytes() for path in run.iterdir() if path.name != ".lock"}
    assert after == before

"""Every exit code of the design, brought about for real; and no traceback but for a bug."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_project import draw_split
from tool_process import Ended, environment, run

RUN = "runs/tiny-001"


def refused(ended: Ended, code: int, *said: str) -> str:
    """Check that the process failed with `code`, saying so on stderr only, without a traceback."""
    assert ended.code == code, ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err
    for part in said:
        assert part in ended.err
    return ended.err


def test_0_done(trained: Path) -> None:
    assert run("eval", RUN, "--min", "accuracy=0", cwd=trained).code == 0


def test_1_a_bug_shows_its_traceback_and_asks_for_a_report(trained: Path) -> None:
    planted = (
        "import sys, mlptrain.training.trained_model as m; "
        "m.stream_images = lambda *_, **__: 1 / 0; "
        "from mlptrain.cli.app import main; main()"
    )
    ended = run("predict", "data/test", "--model", RUN, cwd=trained, program=planted)
    assert (ended.code, ended.out) == (1, "")
    assert "Traceback" in ended.err
    assert "ZeroDivisionError" in ended.err
    assert ended.err.endswith("This is a bug in mlptrain; please report it with the lines above.\n")


def test_2_a_config_with_typos_is_marked_at_each(project: Path) -> None:
    (project / "wrong.yaml").write_text(
        "data: {train: data/train}\nmodel: {hiden_layers: [8]}\ntrainin: {epochs: 1}\n"
    )
    err = refused(run("train", "wrong.yaml", cwd=project), 2, "wrong.yaml:2:9", "wrong.yaml:3:1")
    assert "did you mean 'hidden_layers'?" in err
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epochs=many", "--set training.epochs=many"),
        ("epochs=3", "epochs"),
        ("x", "--set x"),
    ],
)
def test_2_an_override_that_is_wrong_is_quoted(override: str, said: str, project: Path) -> None:
    refused(run("train", "tiny.yaml", "--set", override, cwd=project), 2, said)


@pytest.mark.parametrize("config", ["gone.yaml", "data", "/dev/null", "data/test/top/000.png"])
def test_2_what_is_no_config_is_named(config: str, project: Path) -> None:
    refused(run("train", config, cwd=project), 2, f"{config}:")


def test_2_a_model_that_fits_into_no_memory_is_no_bug(project: Path) -> None:
    layers = "model.hidden_layers=[1000000, 1000000, 1000000]"
    ended = run("train", "tiny.yaml", "--set", layers, cwd=project)
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_3_bad_images_are_all_named_before_anything_is_written(project: Path) -> None:
    (project / "data/train/left/x.png").write_bytes(b"")
    (project / "data/train/top/[/b].jpg").parent.mkdir()
    (project / "data/train/top/[/b].jpg").write_bytes(b"no image")
    refused(
        run("train", "tiny.yaml", cwd=project), 3,
        "data/train/left/x.png: is empty", "data/train/top/[/b].jpg: ", "2 of 50 images",
    )  # fmt: skip
    assert not (project / "runs").exists()


def test_3_a_split_with_other_classes_is_refused(project: Path) -> None:
    shutil.rmtree(project / "data/test/top")
    refused(run("train", "tiny.yaml", cwd=project), 3, "data/test", "class 'top'", "missing")


def test_4_a_model_file_that_is_missing_cut_or_changed(trained: Path, tmp_path: Path) -> None:
    data = (trained / RUN / "best.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-10])
    (tmp_path / "changed").write_bytes(data[:3000] + bytes([data[3000] ^ 1]) + data[3001:])
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name in ("cut", "changed", "empty", "folder", "gone"):
        refused(run("eval", name, cwd=tmp_path), 4, f"{name}: ")
        refused(run("predict", "x.png", "--model", name, cwd=tmp_path), 4, f"{name}: ")
    refused(
        run("eval", cwd=tmp_path), 4, "there is no trained run in the current folder or in runs/"
    )


def test_5_a_diverging_run_says_where_and_with_which_learning_rate(project: Path) -> None:
    rate = "training.optimizer={type: sgd, learning_rate: 1.0e30}"
    ended = run("train", "tiny.yaml", "--set", rate, cwd=project)
    assert ended.code == 5
    assert "diverged in epoch 1, step " in ended.err
    assert "learning_rate 1e+30" in ended.err
    assert "Traceback" not in ended.err
    assert "Warning" not in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_6_a_folder_that_must_not_be_written(project: Path) -> None:
    (project / "locked").mkdir(mode=0o500)
    refused(run("train", "tiny.yaml", "--run-dir", "locked/run", cwd=project), 6, "locked/run")


def test_6_a_run_folder_that_cannot_be_made(project: Path) -> None:
    refused(run("train", "tiny.yaml", "--run-dir", "/dev/null/run", cwd=project), 6, "/dev/null")


def test_7_a_run_folder_that_exists_is_left_alone(trained: Path) -> None:
    before = {path: path.read_bytes() for path in (trained / RUN).iterdir()}
    err = refused(run("train", "tiny.yaml", "--run-dir", RUN, cwd=trained), 7, RUN)
    assert "--resume" in err
    assert {path: path.read_bytes() for path in (trained / RUN).iterdir()} == before


def test_7_a_run_folder_in_use_names_who_uses_it(project: Path) -> None:
    (project / "busy").mkdir()
    with (project / "busy/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('{"pid": 4711, "host": "h", "since": "s"}')
        lock.flush()
        ended = run("train", "tiny.yaml", "--run-dir", "busy", "--resume", cwd=project)
    refused(ended, 7, "pid 4711")


def test_8_a_missed_gate_is_one_line(trained: Path, tmp_path: Path) -> None:
    draw_split(tmp_path / "d", 2, {"left": "right", "right": "top", "top": "left"}, seed=2)
    ended = run("eval", trained / RUN, "--data", "d", "--min", "accuracy=0.5", cwd=tmp_path)
    assert ended.code == 8
    assert ended.err == "gate missed: accuracy 0 is below 0.5\n"
    assert ended.out.startswith("model ")


def test_messages_come_without_a_traceback_also_when_memory_is_short(trained: Path) -> None:
    script = 'ulimit -v 700000; exec "$@"'
    ended = subprocess.run(
        ["bash", "-c", script, "-", sys.executable, "-m", "mlptrain", "train", "tiny.yaml",
         "--set", "model.hidden_layers=[20000, 20000]", "--run-dir", "short"],
        cwd=trained, env=environment({"OPENBLAS_NUM_THREADS": "1"}), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr

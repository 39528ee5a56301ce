"""Where a run goes, and what is checked and put right there before its first epoch."""

import re
import shutil
from pathlib import Path

import pytest
from tiny_runs import mlptrain, timeless

from mlptrain import files
from mlptrain.errors import FileSystemError
from mlptrain.system import System
from mlptrain.training.run_folder import existing_run, open_run
from mlptrain.training.setup import prepare_run


def test_a_folder_that_another_process_makes_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the numbers that are taken and the making of the next."""

    class Late(System):
        def mkdir(self, path: Path) -> None:
            if path.name in ("tiny-001", "tiny-002"):
                path.mkdir()
                (path / "theirs").touch()
            super().mkdir(path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "system", Late())
    with open_run("tiny", None, resume=False) as run:
        assert run.path == Path("runs/tiny-003")
    assert [path.name for path in Path("runs/tiny-001").iterdir()] == ["theirs"]


def test_the_number_after_999_is_1000(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, 999 would stay the last for ever."""
    monkeypatch.chdir(tmp_path)
    for number in (998, 999, 1000):
        (tmp_path / f"runs/tiny-{number}").mkdir(parents=True)
    assert existing_run("tiny", None) == Path("runs/tiny-1000")
    with open_run("tiny", None, resume=False) as run:
        assert run.path == Path("runs/tiny-1001")


def test_free_space_is_checked_before_the_first_epoch(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3000))
    with (
        pytest.raises(FileSystemError) as error,
        prepare_run(project / "tiny.yaml", (), run, resume=False, reading=lambda *_: None),
    ):
        pass
    message = str(error.value)
    assert re.match(rf"{run}: the run's checkpoints need \d,\d{{3}} bytes, 3,000 are ", message)
    assert "Free some space" in message
    assert [path.name for path in run.iterdir()] == [".lock"]


@pytest.mark.slow
@pytest.mark.parametrize("torn", [b'{"epoch": 3, "st', b'{"epoch": 3}\n{"epo'])
def test_a_torn_line_of_metrics_is_cut_off(
    project: Path, tmp_path: Path, reference: Path, torn: bytes
) -> None:
    """What a power cut may leave behind the lines that the state counts."""
    run = tmp_path / "run"
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(run), "--set", "training.epochs=2")
    with (run / "metrics.jsonl").open("ab") as metrics:
        metrics.write(torn)
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(run), "--resume")
    assert timeless((run / "metrics.jsonl").read_bytes()) == timeless(
        (reference / "metrics.jsonl").read_bytes()
    )

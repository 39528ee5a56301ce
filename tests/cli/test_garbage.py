import subprocess
import sys
from pathlib import Path

import pytest
from tool_process import environment

WATCHED = """
import gc, sys
from mlptrain.__main__ import main
last, *arguments = sys.argv[1:]
def note(phase, _):
    gc.callbacks.clear()
    print("collects", "after" if last in sys.modules else "before", file=sys.stderr)
gc.callbacks.append(note)
sys.argv = ["mlptrain", *arguments]
try:
    main()
finally:
    gc.callbacks.clear()
    print("on" if gc.isenabled() else "off", gc.get_freeze_count() > 0, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "arguments"),
    [
        ("mlptrain.training.setup", ["train", "tiny.yaml", "--run-dir", "collected"]),
        ("mlptrain.training.evaluated_model", ["eval"]),
        ("mlptrain.training.trained_model", ["predict", "data/test/top/000.png"]),
    ],
)
def test_garbage_is_collected_once_the_command_is_imported(
    last: str, arguments: list[str], trained: Path
) -> None:
    said = watched(last, arguments, trained)
    assert said[-1] == "on True"
    assert "collects before" not in said


def test_help_collects_nothing(tmp_path: Path) -> None:
    assert watched("", ["--help"], tmp_path) == ["off False"]


def watched(last: str, arguments: list[str], place: Path) -> list[str]:
    """What a process says: at its first collection, whether the module `last` is loaded; in the
    end, whether the collector is on, and whether it leaves out what was imported."""
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, last, *arguments],
        cwd=place, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stderr.splitlines()

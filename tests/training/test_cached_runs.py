"""Runs from the cache, of data shuffled as a whole and window by window: the same results."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forks import Forked
from tiny_runs import EACH_STEP, ENVIRONMENT, make_project, timeless

from mlptrain.training import checkpoint

pytestmark = pytest.mark.slow

# The command line with small limits: a cache for few images, however new, blocks of 2 and windows
# of 10 rows. With a number as its first argument, the process ends itself at that update.
LIMITED = f"""{EACH_STEP}
import os, sys
from mlptrain.data import shuffling
from mlptrain.data.loading import cache
kind, at = sys.argv.pop(1), int(sys.argv.pop(1))
cache._LEAST_FILES, cache._TICK_NS = 2, -3_600_000_000_000
if kind == "windows":
    shuffling.WHOLE_BYTES, shuffling.BLOCK_BYTES, shuffling.WINDOW_BYTES = 0, 2 * 64, 12 * 64
def stop(step):
    if step == at:
        os.kill(os.getpid(), 15)
after_step(stop)
from mlptrain.cli.app import main
main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    return tmp_path


def run(project: Path, kind: str, *arguments: str, at: int = 0, code: int = 0) -> tuple[str, str]:
    """What it prints on stdout and stderr."""
    env = {**ENVIRONMENT, "XDG_CACHE_HOME": str(project / "cache")}
    process = Forked((kind, str(at), *arguments), cwd=project, env=env, program=LIMITED)
    printed = process.communicate()
    assert process.wait() == code, printed
    return printed


def train(project: Path, kind: str, name: str, *arguments: str, **options: int) -> str:
    return run(project, kind, "train", "tiny.yaml", "--run-dir", name, *arguments, **options)[1]


def results(project: Path, name: str) -> object:
    """All that training made, and what it saw: not the config, in which the cache may be off."""
    folder = project / name
    saved = checkpoint.load(folder / "last.safetensors")
    arrays = {**saved.parameters, **saved.optimizer}
    summary = json.loads((folder / "summary.json").read_text())
    del summary["set"]  # of which data.cache may be one
    return (
        {key: value.tobytes() for key, value in arrays.items()},
        timeless((folder / "metrics.jsonl").read_bytes()),
        (folder / "split.csv").read_bytes(),
        summary,
    )


def entries(project: Path) -> list[Path]:
    return sorted((project / "cache" / "mlptrain").glob("*"))


@pytest.mark.parametrize("kind", ["whole", "windows"])
def test_results_are_the_same_with_and_without_a_cache(project: Path, kind: str) -> None:
    assert train(project, kind, "off", "--set", "data.cache=false") == ""
    assert entries(project) == []
    assert train(project, kind, "first") == ""
    assert len(entries(project)) == 2  # train and test
    before = [path.read_bytes() for path in entries(project)]
    assert train(project, kind, "second") == ""
    assert [path.read_bytes() for path in entries(project)] == before
    assert results(project, "off") == results(project, "first") == results(project, "second")


def test_windows_are_another_order(project: Path) -> None:
    train(project, "whole", "whole")
    train(project, "windows", "windows")
    assert results(project, "whole")[1] != results(project, "windows")[1]  # type: ignore[index]


@pytest.mark.parametrize("at", [2, 4, 7])
def test_a_run_in_windows_is_resumed_exactly(project: Path, at: int) -> None:
    """Even with the cache switched off in between, which is no change of the config."""
    train(project, "windows", "straight")
    train(project, "windows", "stopped", at=at, code=143)
    train(project, "windows", "stopped", "--resume", "--set", "data.cache=false")
    assert results(project, "stopped") == results(project, "straight")


def test_eval_reads_the_cache_too(project: Path) -> None:
    train(project, "whole", "run")
    shutil.rmtree(project / "cache")
    first = run(project, "whole", "eval", "run", "--json")[0]
    assert len(entries(project)) == 1
    entry = entries(project)[0]
    os.utime(entry, (1e9, 1e9))
    assert run(project, "whole", "eval", "run", "--json")[0] == first
    assert entry.stat().st_mtime > 1e9 + 1, "it was not used"


def test_bad_images_are_named_at_every_start(project: Path) -> None:
    broken = project / "data/train/0/broken.png"
    broken.write_bytes(b"")
    for _ in range(2):
        err = train(project, "whole", "refused", code=3)
        assert "1 of 25 images cannot be used:\n  data/train/0/broken.png: is empty\n" in err
    for name in ("first", "second"):
        err = train(project, "whole", name, "--set", "data.on_bad_image=skip")
        assert err == "skipped data/train/0/broken.png: is empty\n1 bad image skipped\n"
    assert results(project, "first") == results(project, "second")


def test_a_folder_that_cannot_be_used_is_said_once(project: Path) -> None:
    (project / "cache").touch()
    err = train(project, "whole", "run")
    assert err.count("\n") == 1
    assert "the decoded images could not be kept here: Not a directory. " in err
    assert "the decoded images could not" in run(project, "whole", "eval", "run")[1]


def test_one_window_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """64 MiB of mapped rows, in windows of 4 MiB, shuffled and in one sequential pass."""
    script = """
import os, sys
import numpy as np
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.data import shuffling
from mlptrain.data.loading import mapping
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets
shuffling.WHOLE_BYTES = 0
n, size = 16384, 4096
descriptor = os.open(sys.argv[1], os.O_RDONLY)
images = mapping.mapped(descriptor, n * size).reshape(n, 64, 64, 1)
rows = np.arange(n)[::-1]
targets = ClassTargets(np.arange(n), ())
plain = NumpyBackend()
data = Batches(images, targets, Normalization.identity(1), rows=rows, window=1024, backend=plain)
x, y, batch = np.empty((64, size), np.float32), np.empty(64, np.int64), np.empty(64, np.int64)
weights = np.empty(64, np.float32)
gather = plain.bind([*data.calls(batch, x), *data.target_calls(batch, y, weights)])
def resident():
    text = open("/proc/self/status").read()
    return sum(int(text.split(name)[1].split()[0]) << 10 for name in ("RssFile:", "RssAnon:"))
before, most = resident(), 0
for epoch in (shuffling.shuffled(n, size, 1024, np.random.default_rng(0)), np.arange(n)):
    for window in data.windows(epoch):
        for first in range(window.start, window.stop, 64):
            batch[:] = epoch[first : first + 64]
            gather()
            most = max(most, resident())
            assert y.tolist() == batch.tolist()
            assert ((x[:, :8] * 255).round() == rows[batch][:, None] % 251).all()
print(most - before)
"""
    path = tmp_path / "rows"
    path.write_bytes(np.repeat((np.arange(16384) % 251).astype(np.uint8), 4096).tobytes())
    ended = subprocess.run(
        [sys.executable, "-c", script, path],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 16 << 20, ended.stdout

"""Whatever call of the cache fails, and however: the images are right, and so are the next start's.

As in inject_faults.py, each case runs in a fork."""

import os
import traceback
from pathlib import Path

import numpy as np
import pytest
from inject_faults import FAULTS, FaultySystem
from PIL import Image

from mlptrain import files
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading import cache
from mlptrain.data.loading.stream import Loaded, load_images
from mlptrain.data.sources.source import Files
from mlptrain.system import System

pytestmark = pytest.mark.slow

SETTINGS = ImageSettings(mode="grayscale", height=8, width=8)
COUNT = 30


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """30 images, of which two are none."""
    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for index in range(COUNT):
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(root / f"{index:02d}.png")
    for index in (7, 11):
        (root / f"{index:02d}.png").write_bytes(b"")
    names = tuple(f"{index:02d}.png" for index in range(COUNT))
    return Files(str(root), names, ("a",) * COUNT)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_LEAST_FILES", 1)
    monkeypatch.setattr(cache, "_TICK_NS", -3_600_000_000_000)  # new files are trusted


def load(content: Files, folder: Path) -> tuple[Loaded, str | None]:
    return cache.load_cached(content, content.paths(), SETTINGS, None, folder)


def right(loaded: Loaded, content: Files) -> bool:
    true = load_images(content.paths(), SETTINGS, processes=1)
    return (
        np.array_equal(loaded.images, true.images)
        and np.array_equal(loaded.indices, true.indices)
        and loaded.bad == true.bad
    )


def start_in_fork(system: System, content: Files, folder: Path) -> int:
    """Start with `system`: 0 from the cache, 1 without it, 2 wrong, negative if killed."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            files.system = system
            loaded, note = load(content, folder)
            code = int(note is not None) if right(loaded, content) else 2
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def calls(content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many calls a start makes that nothing disturbs."""
    system = FaultySystem("EIO", 0)
    with monkeypatch.context() as patch:
        patch.setattr(files, "system", system)
        load(content, folder)
    return system.calls


@pytest.mark.parametrize("way", [*FAULTS, "short"])
@pytest.mark.parametrize("before", ["nothing", "leftovers", "entry"])
def test_every_call_may_fail(
    content: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, before: str
) -> None:
    def prepare(name: str) -> Path:
        folder = tmp_path / name / "mlptrain"
        if before == "leftovers":
            folder.mkdir(parents=True)
            (folder / ".abc.images.1.tmp").write_bytes(b"half")
            (folder / "old.images").write_bytes(b"old")
        elif before == "entry":
            load(content, folder)
        return folder

    if before == "leftovers":
        monkeypatch.setattr(cache, "MOST_BYTES", 10)
    count = calls(content, prepare("count"), monkeypatch)
    assert count >= {"nothing": 9, "leftovers": 7, "entry": 1}[before]
    for k in range(1, count + 1):
        folder = prepare(str(k))
        code = start_in_fork(FaultySystem(way, k), content, folder)
        allowed = {-9} if way in ("kill", "half") else {0, 1}
        assert code in ({0} if way == "short" else allowed), f"{way} at {k}"
        assert start_in_fork(System(), content, folder) == 0, f"after {way} at {k}"
        left = [path.name for path in folder.iterdir()]
        assert len(left) == 1, f"{way} at {k}: {left}"


def test_two_that_write_the_same_entry(content: Files, tmp_path: Path) -> None:
    """Each ends with its own pixels, and one whole entry is left."""
    children = []
    for _ in range(8):
        if (child := os.fork()) == 0:
            loaded, _ = load(content, tmp_path / "mlptrain")
            os._exit(0 if right(loaded, content) else 2)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
    assert len(list((tmp_path / "mlptrain").iterdir())) == 1
    assert load(content, tmp_path / "mlptrain")[1] is None

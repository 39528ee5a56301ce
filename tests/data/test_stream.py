"""Many images at once: the same array whoever decodes, and no bad image stops the others."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, gradient

from mlptrain.data.images.arrays import load_image, resolve
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading import decoder, sharing, stream
from mlptrain.data.loading.stream import BadImage, load_images, stream_images, stream_shared
from mlptrain.errors import DataError

pytestmark = pytest.mark.slow

SETTINGS = ImageSettings(mode="grayscale", height=8, width=8)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """700 images, of which every 50th is none."""
    made = []
    for index in range(700):
        path = tmp_path / f"{index:03d}\udcff[b].png"
        shape = (8 + index % 5, 8, 1 + 2 * (index % 2))
        image = (gradient(*shape) + np.uint8(index % 256)).astype(np.uint8)
        path.write_bytes(b"" if index % 50 == 7 else encoded(image, "PNG"))
        made.append(str(path))
    return made


@pytest.mark.parametrize("processes", [1, 3])
def test_chunks_come_in_order(
    paths: list[str], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few at a time, so that reading ahead comes to its limit."""
    monkeypatch.setattr(sharing, "CHUNK_IMAGES", 20)
    monkeypatch.setattr(sharing, "_MOST_CHUNKS", 2)
    whole = load_images(paths, SETTINGS, processes=1)
    chunks = list(stream_images(paths, SETTINGS, processes=processes))
    places = [sorted((*chunk.indices.tolist(), *chunk.bad)) for chunk in chunks]
    assert places == [list(range(first, first + 20)) for first in range(0, 700, 20)]
    np.testing.assert_array_equal(np.concatenate([c.images for c in chunks]), whole.images)
    assert {index: bad for chunk in chunks for index, bad in chunk.bad.items()} == whole.bad


def test_it_reads_ahead_no_further_than_its_limit(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "CHUNK_IMAGES", 20)
    monkeypatch.setattr(sharing, "_MOST_CHUNKS", 3)
    seen: list[int] = []
    chunks = stream_images(paths, SETTINGS, progress=lambda done, _: seen.append(done), processes=2)
    for number, _ in enumerate(chunks):
        assert max(seen) <= (number + 3) * 20


def test_processes_change_nothing(paths: list[str]) -> None:
    alone = load_images(paths, SETTINGS, processes=1)
    assert alone.indices.tolist() == [index for index in range(700) if index % 50 != 7]
    assert alone.bad == {i: BadImage(paths[i], "is empty") for i in range(7, 700, 50)}
    for index, image in zip(alone.indices, alone.images, strict=True):
        np.testing.assert_array_equal(image, load_image(paths[index], SETTINGS))
    for processes in (2, 4):
        together = load_images(paths, SETTINGS, processes=processes)
        np.testing.assert_array_equal(together.images, alone.images)
        np.testing.assert_array_equal(together.indices, alone.indices)
        assert together.bad == alone.bad


def test_helpers_do_take_part(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answered = []
    answer = decoder.Decoder.answer

    def counted(self: decoder.Decoder, place: object) -> object:
        batch, reasons = answer(self, place)
        answered.append(len(batch.paths))
        return batch, reasons

    monkeypatch.setattr(decoder.Decoder, "answer", counted)
    load_images(paths, SETTINGS, processes=2)
    assert sum(answered) > 0


def test_helpers_start_by_themselves_for_much_work(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = sharing.Sharing.start
    monkeypatch.setattr(
        sharing.Sharing, "start", lambda one, *rest: (started.append(one), start(one, *rest))
    )
    monkeypatch.setattr(stream, "_HELP_AFTER_SECONDS", 0)
    monkeypatch.setattr(stream, "_HELP_PAYS_SECONDS", 3600)
    load_images(paths, SETTINGS)
    assert not started
    monkeypatch.setattr(stream, "_HELP_PAYS_SECONDS", 0)
    load_images(paths, SETTINGS)
    assert len(started) == 1


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_a_head_start_changes_nothing(
    paths: list[str], helpers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "CHUNK_IMAGES", 20)
    monkeypatch.setattr(sharing, "_MOST_CHUNKS", 5)
    monkeypatch.setattr(sharing, "_HEAD_START_PAYS_IMAGES", len(paths))
    monkeypatch.setattr(sharing, "usable_cores", lambda: helpers + 1)
    alone = load_images(paths, SETTINGS, processes=1)
    with sharing.head_start(paths, SETTINGS.form) as begun:
        assert begun is not None
        assert begun._given == {0: 0, 1: 60, 3: 80}[helpers]  # a share of 100, in whole batches
        chunks = list(stream_shared(begun))
    np.testing.assert_array_equal(np.concatenate([each.images for each in chunks]), alone.images)
    np.testing.assert_array_equal(np.concatenate([each.indices for each in chunks]), alone.indices)
    assert {index: bad for each in chunks for index, bad in each.bad.items()} == alone.bad


def test_a_head_start_only_where_it_pays(paths: list[str]) -> None:
    large = ImageSettings(mode="rgb", height=300, width=300)
    for many, form in ((paths, SETTINGS.form), (paths * 4, None), (paths * 4, large.form)):
        with sharing.head_start(many, form) as begun:
            assert begun is None


@pytest.mark.parametrize("processes", [1, 3])
def test_expectations_hold_everywhere(paths: list[str], processes: int) -> None:
    settings, expected = resolve(ImageSettings(), paths)
    assert expected == Expected(paths[0], gray=True, size=(8, 8))
    reasons = {
        bad.path: bad.reason
        for bad in load_images(paths, settings, expected, processes=processes).bad.values()
    }
    shown = paths[0].replace("\udcff", "\\xff")
    assert reasons[paths[1]] == (
        f"is a colour image, but the first image ({shown}) is grayscale; set data.image.mode"
    )
    assert reasons[paths[2]] == (
        f"is 8×10, but the first image ({shown}) is 8×8; "
        "set data.image.height and data.image.width to resize"
    )
    assert paths[10] not in reasons


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_rises_to_the_end(paths: list[str], processes: int) -> None:
    seen: list[tuple[int, int]] = []
    load_images(paths, SETTINGS, progress=lambda *now: seen.append(now), processes=processes)
    done = [now for now, _ in seen]
    assert done == sorted(set(done))
    assert seen[-1] == (700, 700)
    assert all(total == 700 for _, total in seen)


def test_a_killed_helper_is_an_error(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    give = decoder.Decoder.give

    def deadly(self: decoder.Decoder, batch: decoder.Batch) -> None:
        give(self, batch)
        os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(decoder.Decoder, "give", deadly)
    with pytest.raises(
        DataError, match=r"165 files of these was stopped by signal 9\. One of them"
    ):
        load_images(paths, SETTINGS, processes=2)


def test_a_helper_starts_without_what_only_its_parent_needs() -> None:
    script = (
        "import mlptrain.data.loading.helper, sys; print(*{'numpy', 'pydantic'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"\n"


def test_helpers_end_with_their_parent(paths: list[str]) -> None:
    script = """
import os, signal, sys
from mlptrain.data.loading.decoder import Batch, Decoder
from mlptrain.data.images.settings import ImageSettings
decoder = Decoder(ImageSettings(mode="grayscale", height=8, width=8).form, None)
paths = sys.argv[1:]
decoder.give(Batch(0, paths))
print(decoder._process.pid, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, *paths],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        ended = os.pidfd_open(helper)
        parent.kill()
    readable, _, _ = select.select([ended], [], [], 600)
    os.close(ended)
    assert readable, "the helper outlives its parent"


def test_no_images_and_too_many() -> None:
    assert load_images([], SETTINGS).images.shape == (0, 8, 8, 1)
    huge = ImageSettings(mode="rgb", height=10**9, width=10**9)
    with pytest.raises(
        DataError,
        match=r"3 images of 1000000000×1000000000×3 bytes do not fit.*data\.cache to true",
    ):
        load_images(["a", "b", "c"], huge)

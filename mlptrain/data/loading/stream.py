"""Many image files into arrays, on all processors, as a stream of chunks in file order.

This process decodes too. If the remaining work looks longer than starting a helper takes, helper
processes (`decoder.py`) join in: each gets batches of files, answers with their pixels, and gets
the next batch. They read ahead while the caller works on the previous chunk, by at most a few
chunks, so memory is bounded. Every image has a fixed place in the result, so it does not matter
which process decodes it or when.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.cores import usable_cores
from mlptrain.data.images.arrays import allocate
from mlptrain.data.images.decoding import read_into
from mlptrain.data.images.form import Expected, Findings
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.decoder import Batch
from mlptrain.data.loading.sharing import Sharing

Progress = Callable[[int, int], object]

_HELP_AFTER_SECONDS = 0.01
_HELP_PAYS_SECONDS = 0.08  # a helper takes about this long to start


@dataclass(frozen=True)
class BadImage:
    """A file that could not be read as an image; the reason follows its path in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    """The images that could be read (m, H, W, C) with their indices among the paths, and those that
    could not: `bad`, by index. Both are ascending. `unlike`: the indices of images whose size or
    mode differs from that of all training images."""

    images: NDArray[np.uint8]
    indices: NDArray[np.int64]
    bad: dict[int, BadImage]
    unlike: frozenset[int] = frozenset()


def load_images(
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None = None,
    *,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Loaded:
    """All of `stream_images` in one array. Raises DataError also if it does not fit into memory."""
    images = allocate(len(paths), settings.shape)
    indices = np.empty(len(paths), np.int64)
    bad: dict[int, BadImage] = {}
    unlike: frozenset[int] = frozenset()
    count = 0
    chunks = stream_images(paths, settings, expected, progress=progress, processes=processes)
    for chunk in chunks:
        place = slice(count, count + len(chunk.images))
        images[place], indices[place] = chunk.images, chunk.indices
        bad |= chunk.bad
        unlike |= chunk.unlike
        count = place.stop
    return Loaded(images[:count], indices[:count], bad, unlike)


def stream_images(
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None = None,
    *,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Generator[Loaded, None, None]:
    """Read `paths` with resolved `settings` and yield them in order, a chunk at a time; an image
    that `expected` refuses is bad. The caller owns each chunk.

    `progress(done, total)` is called now and then. `processes` is the total number of processes,
    including this one, started at once; None: one per processor, once that is worthwhile. Raises
    DataError if a helper dies."""
    with ExitStack() as stack:
        sharing = Sharing(paths, settings.form, expected, stack)
        yield from stream_shared(sharing, progress=progress, processes=processes)


def stream_shared(
    sharing: Sharing, *, progress: Progress | None = None, processes: int | None = None
) -> Generator[Loaded, None, None]:
    """`stream_images`, continuing what `sharing` has started."""
    yield from _Job(sharing, progress or (lambda *_: None)).run(processes)


class _Chunk:
    """Consecutive images being decoded: `missing` of them are not done yet."""

    def __init__(self, places: range, shape: tuple[int, int, int]) -> None:
        self.places = places
        self.pixels = allocate(len(places), shape)
        self.missing = len(places)


class _Job:
    """The state of one call of `stream_images`: which files are done."""

    def __init__(self, sharing: Sharing, progress: Progress) -> None:
        self.sharing, self.progress = sharing, progress
        self.paths, self.total = sharing.paths, len(sharing.paths)
        self.reasons: dict[int, str] = {}
        self.unlike: set[int] = set()
        self.chunks: dict[int, _Chunk] = {}  # by the index of their first image
        self.done = self.reported = 0

    def run(self, processes: int | None) -> Iterator[Loaded]:
        """Decode chunk by chunk; the helpers keep working while the caller uses a chunk."""
        sharing = self.sharing
        seconds, waiting = 0.0, processes is None and not sharing.has_helpers()
        if processes is not None:
            sharing.start(processes - 1)
        for first in range(0, self.total, sharing.size):
            sharing.first = first
            self._look_after_helpers(timeout=0)
            chunk = self._chunk(first)
            while chunk.missing:
                started = time.perf_counter()
                batch = sharing.take()
                if batch:
                    self._decode(batch)
                self._look_after_helpers(timeout=0 if batch else None)
                seconds += time.perf_counter() - started
                if waiting and seconds > _HELP_AFTER_SECONDS:
                    left = seconds / self.done * (self.total - self.done)
                    if left > _HELP_PAYS_SECONDS:
                        waiting = False
                        sharing.start(usable_cores() - 1)
            yield self._without_bad(self.chunks.pop(first))

    def _decode(self, batch: Batch) -> None:
        sharing = self.sharing
        found = read_into(self._place(batch), batch.paths, sharing.form, sharing.expected)
        self._note(batch, found)

    def _look_after_helpers(self, timeout: float | None) -> None:
        """Collect finished batches and hand out more; with `timeout` None, wait for one if any is
        outstanding."""
        for batch, found in self.sharing.answers(timeout, self._place):
            self._note(batch, found)
        self.sharing.hand_out()

    def _place(self, batch: Batch) -> memoryview:
        """The memory for the pixels of `batch`."""
        chunk = self._chunk(batch.first - batch.first % self.sharing.size)
        start = batch.first - chunk.places.start
        return chunk.pixels[start : start + len(batch.paths)].reshape(-1).data

    def _chunk(self, first: int) -> _Chunk:
        if first not in self.chunks:
            places = range(first, min(first + self.sharing.size, self.total))
            self.chunks[first] = _Chunk(places, self.sharing.form.shape)
        return self.chunks[first]

    def _note(self, batch: Batch, found: Findings) -> None:
        self.reasons |= {batch.first + index: reason for index, reason in found.bad.items()}
        self.unlike |= {batch.first + index for index in found.unlike}
        self.done += len(batch.paths)
        self.chunks[batch.first - batch.first % self.sharing.size].missing -= len(batch.paths)
        if self.done == self.total or self.done - self.reported > self.total // 200:
            self.reported = self.done
            self.progress(self.done, self.total)

    def _without_bad(self, chunk: _Chunk) -> Loaded:
        places = np.arange(chunk.places.start, chunk.places.stop)
        bad = {
            index: BadImage(self.paths[index], self.reasons.pop(index))
            for index in chunk.places
            if index in self.reasons
        }
        unlike = self.unlike.intersection(chunk.places) - bad.keys()
        self.unlike -= unlike
        if not bad:
            return Loaded(chunk.pixels, places, bad, frozenset(unlike))
        good = np.array([index not in bad for index in chunk.places])
        return Loaded(chunk.pixels[good], places[good], bad, frozenset(unlike))

"""Many image files into arrays, on every processor, as a stream of chunks in the files' order.

This process decodes too. When what is left looks longer than starting a helper takes, helper
processes (`decoder.py`) join in: each is handed batches of the files, answers with their pixels,
and is handed the next. They read ahead while the caller works on the last chunk, as far as a few
chunks, so the memory is bounded. Every image has its place from the start, so who decoded it and
when changes nothing.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.cores import usable_cores
from mlptrain.data.arrays import allocate
from mlptrain.data.decoder import PIPE_BYTES, Batch, Decoder, decode
from mlptrain.data.form import Expected, Form
from mlptrain.data.settings import ImageSettings

Progress = Callable[[int, int], object]

CHUNK_IMAGES = 256
_CHUNK_BYTES = 64 << 20  # a chunk of large images has fewer
_MOST_CHUNKS = 16  # in memory at once: the caller's, and those read ahead
_OWN_BATCH = 32  # images this process decodes before it looks after its helpers
_HELPER_BATCH = 128
_HELPER_BATCHES = 2  # given to a helper at once: it never waits for the next
_HELP_AFTER_SECONDS = 0.01
_HELP_PAYS_SECONDS = 0.08  # a helper needs about this long to start


@dataclass(frozen=True)
class BadImage:
    """A file that could not be read as an image; the reason follows its path in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    """What could be read: images (m, H, W, C), and for each of them its index among the paths; and
    what could not: `bad`, by index. Both are ascending."""

    images: NDArray[np.uint8]
    indices: NDArray[np.int64]
    bad: dict[int, BadImage]


def load_images(
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None = None,
    *,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Loaded:
    """All of `stream_images` in one array. Raises DataError if it does not fit into memory, too."""
    images = allocate(len(paths), settings.shape)
    indices = np.empty(len(paths), np.int64)
    bad: dict[int, BadImage] = {}
    count = 0
    chunks = stream_images(paths, settings, expected, progress=progress, processes=processes)
    for chunk in chunks:
        place = slice(count, count + len(chunk.images))
        images[place], indices[place] = chunk.images, chunk.indices
        bad |= chunk.bad
        count = place.stop
    return Loaded(images[:count], indices[:count], bad)


def stream_images(
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None = None,
    *,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Generator[Loaded, None, None]:
    """Read `paths` with resolved `settings` and yield them in order, CHUNK_IMAGES at a time; an
    image other than `expected` is a bad one. A chunk is the caller's to keep.

    `progress(done, total)` is called now and then. `processes` counts this one and starts the
    others at once; None starts as many as there are processors, when that pays. Raises DataError
    if a helper dies."""
    with ExitStack() as stack:
        job = _Job(paths, settings.form, expected, progress or (lambda *_: None), stack)
        yield from job.run(processes)


class _Chunk:
    """Consecutive images under way: `missing` of them are not decoded yet."""

    def __init__(self, places: range, shape: tuple[int, int, int]) -> None:
        self.places = places
        self.pixels = allocate(len(places), shape)
        self.missing = len(places)


class _Job:
    """One call of `stream_images` under way: which files are handed out, and which are done."""

    def __init__(
        self,
        paths: Sequence[str],
        form: Form,
        expected: Expected | None,
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self.paths, self.form, self.expected = paths, form, expected
        self.progress, self.stack = progress, stack
        self.selector = stack.enter_context(DefaultSelector())
        self.helpers: list[Decoder] = []
        self.reasons: dict[int, str] = {}
        self.total = len(paths)
        image_bytes = math.prod(form.shape)
        self.size = max(1, min(CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))
        chunk_bytes = self.size * image_bytes
        self.ahead = max(2, min(_MOST_CHUNKS, _CHUNK_BYTES // chunk_bytes)) * self.size
        half_a_pipe = PIPE_BYTES // (2 * image_bytes)
        self.helper_batch = max(1, min(_HELPER_BATCH, half_a_pipe))
        self.chunks: dict[int, _Chunk] = {}  # by the index of their first image
        self.first = self.given = self.done = self.reported = 0

    def run(self, processes: int | None) -> Iterator[Loaded]:
        """Decode chunk by chunk; whatever the caller does in between, the helpers go on."""
        seconds, waiting = 0.0, processes is None
        if processes is not None:
            self._start(processes - 1)
        for first in range(0, self.total, self.size):
            self.first = first
            self._look_after_helpers(timeout=0)
            chunk = self._chunk(first)
            while chunk.missing:
                started = time.perf_counter()
                batch = self._take(_OWN_BATCH)
                if batch:
                    self._note(batch, decode(batch, self.form, self.expected))
                self._look_after_helpers(timeout=0 if batch else None)
                seconds += time.perf_counter() - started
                if waiting and seconds > _HELP_AFTER_SECONDS:
                    left = seconds / self.done * (self.total - self.done)
                    if left > _HELP_PAYS_SECONDS:
                        waiting = False
                        self._start(usable_cores() - 1)
            yield self._without_bad(self.chunks.pop(first))

    def _start(self, count: int) -> None:
        for _ in range(count):
            try:
                decoder = self.stack.enter_context(Decoder(self.form, self.expected))
            except OSError:  # no more processes allowed here: fewer helpers do it too, later
                return
            self.selector.register(decoder, EVENT_READ)
            self.helpers.append(decoder)

    def _look_after_helpers(self, timeout: float | None) -> None:
        """Take the answers that are there, and hand out more; with `timeout` None, wait for one if
        any is due."""
        if any(helper.given for helper in self.helpers):
            for key, _ in self.selector.select(timeout):
                decoder = key.fileobj
                assert isinstance(decoder, Decoder)
                batch, reasons = decoder.answer()
                self._note(batch, reasons)
        for helper in self.helpers:
            while len(helper.given) < _HELPER_BATCHES and (more := self._take(self.helper_batch)):
                helper.give(more)

    def _take(self, most: int) -> Batch | None:
        """The next files to decode, of one chunk: fewer near the end, so that nobody waits long
        for the last; None if all that may be read ahead is handed out."""
        first = self.given
        if first == min(self.total, self.first + self.ahead):
            return None
        chunk = self._chunk(first - first % self.size)
        left = self.total - first
        self.given = min(first + min(most, -(-left // 8)), chunk.places.stop)
        start, stop = first - chunk.places.start, self.given - chunk.places.start
        return Batch(first, self.paths[first : self.given], chunk.pixels[start:stop])

    def _chunk(self, first: int) -> _Chunk:
        if first not in self.chunks:
            places = range(first, min(first + self.size, self.total))
            self.chunks[first] = _Chunk(places, self.form.shape)
        return self.chunks[first]

    def _note(self, batch: Batch, reasons: dict[int, str]) -> None:
        self.reasons |= reasons
        self.done += len(batch.paths)
        self.chunks[batch.first - batch.first % self.size].missing -= len(batch.paths)
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
        if not bad:
            return Loaded(chunk.pixels, places, bad)
        good = np.array([index not in bad for index in chunk.places])
        return Loaded(chunk.pixels[good], places[good], bad)

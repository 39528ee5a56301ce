"""Many image files into one array, on every processor, before training starts.

This process decodes too. When what is left looks longer than starting a helper takes, helper
processes (`decoder.py`) join in: each is handed a range of the files, answers with their pixels,
and is handed the next. Every image has its place in the array from the start, so who decoded it
and when changes nothing.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.cores import usable_cores
from mlptrain.data.decoder import Decoder
from mlptrain.data.images import Expected, allocate, read_pixels
from mlptrain.data.reading import UnreadableError
from mlptrain.data.settings import ImageSettings

Progress = Callable[[int, int], object]

_OWN_BATCH = 8  # images this process decodes before it looks after its helpers
_HELPER_BATCH = 256
_HELP_AFTER_SECONDS = 0.05
_HELP_PAYS_SECONDS = 0.2  # a helper needs about this long to start


@dataclass(frozen=True)
class BadImage:
    """A file that could not be read as an image; the reason follows its path in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    """What `load_images` could read: images (m, H, W, C), and for each of them its index among the
    n paths; and what it could not. m + len(bad) = n."""

    images: NDArray[np.uint8]
    indices: NDArray[np.int64]
    bad: tuple[BadImage, ...]


def load_images(
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None = None,
    *,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Loaded:
    """Read `paths` with resolved `settings`; an image other than `expected` is a bad one.

    `progress(done, total)` is called now and then. `processes` counts this one and starts the
    others at once; None starts as many as there are processors, when that pays. Raises DataError
    if the images do not fit into memory or a helper dies."""
    images = allocate(len(paths), settings)
    job = _Job(paths, images, settings, expected, progress or (lambda *_: None))
    with ExitStack() as helpers:
        job.run(helpers, processes)
    bad = tuple(BadImage(paths[index], reason) for index, reason in sorted(job.reasons.items()))
    return _without_bad(images, job.reasons, bad)


class _Job:
    """One call of `load_images` under way: which files are handed out, and which are done."""

    def __init__(
        self,
        paths: Sequence[str],
        images: NDArray[np.uint8],
        settings: ImageSettings,
        expected: Expected | None,
        progress: Progress,
    ) -> None:
        self.paths, self.images, self.settings = paths, images, settings
        self.expected, self.progress = expected, progress
        self.reasons: dict[int, str] = {}
        self.total = len(paths)
        self.given = self.done = self.reported = 0

    def run(self, helpers: ExitStack, processes: int | None) -> None:
        started = time.perf_counter()
        waiting = processes is None
        selector = helpers.enter_context(DefaultSelector())
        if processes is not None:
            self._start(helpers, selector, processes - 1)
        while self.done < self.total:
            if self.given < self.total:
                self._decode(self._take(_OWN_BATCH))
            self._collect(selector, timeout=None if self.given == self.total else 0)
            seconds = time.perf_counter() - started
            if waiting and seconds > _HELP_AFTER_SECONDS:
                waiting = False
                if seconds / self.done * (self.total - self.done) > _HELP_PAYS_SECONDS:
                    self._start(helpers, selector, usable_cores() - 1)
            self._report()

    def _start(self, helpers: ExitStack, selector: DefaultSelector, count: int) -> None:
        for _ in range(count):
            try:
                decoder = helpers.enter_context(Decoder(self.settings, self.expected))
            except OSError:  # no more processes allowed here: fewer helpers do it too, later
                return
            selector.register(decoder, EVENT_READ)
            self._hand_out(decoder, selector)

    def _hand_out(self, decoder: Decoder, selector: DefaultSelector) -> None:
        batch = self._take(_HELPER_BATCH)
        if batch:
            decoder.give(batch, self.paths)
        else:
            selector.unregister(decoder)

    def _collect(self, selector: DefaultSelector, timeout: float | None) -> None:
        """Take the answers that are there; with `timeout` None, wait for one if any is due."""
        if self.done == self.total or not selector.get_map():
            return
        for key, _ in selector.select(timeout):
            decoder = key.fileobj
            assert isinstance(decoder, Decoder)
            batch, reasons = decoder.answer(self.images)
            self.reasons.update(reasons)
            self.done += len(batch)
            self._hand_out(decoder, selector)

    def _take(self, most: int) -> range:
        """The next files to decode: fewer near the end, so that nobody waits long for the last."""
        left = self.total - self.given
        batch = range(self.given, self.given + min(most, -(-left // 8)))
        self.given = batch.stop
        return batch

    def _decode(self, batch: range) -> None:
        for index in batch:
            try:
                self.images[index] = read_pixels(self.paths[index], self.settings, self.expected)
            except UnreadableError as error:
                self.reasons[index] = str(error)
        self.done += len(batch)

    def _report(self) -> None:
        if self.done == self.total or self.done - self.reported > self.total // 200:
            self.reported = self.done
            self.progress(self.done, self.total)


def _without_bad(
    images: NDArray[np.uint8], reasons: dict[int, str], bad: tuple[BadImage, ...]
) -> Loaded:
    """Move the good images together in place: a second copy might not fit into memory."""
    good = np.ones(len(images), bool)
    good[list(reasons)] = False
    indices = np.flatnonzero(good)
    if bad:
        for start in range(0, len(indices), 1024):
            moved = indices[start : start + 1024]
            images[start : start + len(moved)] = images[moved]
    return Loaded(images[: len(indices)], indices, bad)

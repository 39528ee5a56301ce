"""How many image files are divided between this process and its helpers (`decoder.py`).

The files are handed out in batches, in order. Nothing here needs NumPy, so helpers can start while
this process is still importing it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from selectors import EVENT_READ, DefaultSelector

from mlptrain.backend.cores import usable_cores
from mlptrain.data.images.form import Expected, Findings, Form
from mlptrain.data.loading.decoder import PIPE_BYTES, Batch, Decoder

CHUNK_IMAGES = 256
_CHUNK_BYTES = 64 << 20  # a chunk of large images has fewer
_MOST_CHUNKS = 64  # chunks in memory at once: the caller's, and those read ahead
_OWN_BATCH = 32  # images this process decodes between looking after its helpers
_HELPER_BATCH = 128
_HELPER_BATCHES = 2  # batches given to a helper ahead, so that it never waits
_HEAD_START_PAYS_IMAGES = 2_000  # a helper takes about as long to start as to decode this many
_HEAD_START_IMAGE_BYTES = 1 << 18  # at most, because the request has not been validated yet


class Sharing:
    """The images `paths` in `form`, read ahead of a caller that takes them chunk by chunk.

    Attributes:
        size: images per chunk; no batch spans two chunks.
        first: index of the first image of the caller's current chunk; set by the caller.
    """

    def __init__(
        self, paths: Sequence[str], form: Form, expected: Expected | None, stack: ExitStack
    ) -> None:
        self.paths, self.form, self.expected = paths, form, expected
        self._stack = stack
        self._selector = stack.enter_context(DefaultSelector())
        self._helpers: list[Decoder] = []
        image_bytes = math.prod(form.shape)
        self.size = max(1, min(CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))
        chunk_bytes = self.size * image_bytes
        self._ahead = max(2, min(_MOST_CHUNKS, _CHUNK_BYTES // chunk_bytes)) * self.size
        half_a_pipe = PIPE_BYTES // (2 * image_bytes)
        self._helper_batch = max(1, min(_HELPER_BATCH, half_a_pipe))
        self.first = self._given = 0

    def start(self, helpers: int) -> None:
        """Start this many `helpers`, or as many as possible."""
        for _ in range(helpers):
            try:
                decoder = self._stack.enter_context(Decoder(self.form, self.expected))
            except OSError:  # no more processes allowed: fewer helpers also work, just slower
                return
            self._selector.register(decoder, EVENT_READ)
            self._helpers.append(decoder)

    def has_helpers(self) -> bool:
        """Whether any were started."""
        return bool(self._helpers)

    def take(self) -> Batch | None:
        """The next images for this process to decode; None if everything within the read-ahead has
        been handed out."""
        return self._take(_OWN_BATCH)

    def hand_out(self) -> None:
        """Keep every helper supplied with batches."""
        for helper in self._helpers:
            while len(helper.given) < _HELPER_BATCHES and (more := self._take(self._helper_batch)):
                helper.give(more)

    def hand_out_ahead(self) -> None:
        """Give the helpers their share of the read-ahead; the rest is left to this process, which
        would otherwise have to wait for them. Beyond some thousand paths, this call waits until
        the helpers have started and read them."""
        processes = 1 + len(self._helpers)
        share = min(len(self.paths), self._ahead) * len(self._helpers) // processes
        for helper in cycle(self._helpers):
            if self._given >= share or (more := self._take(self._helper_batch)) is None:
                return
            helper.give(more)

    def answers(
        self, timeout: float | None, place: Callable[[Batch], memoryview]
    ) -> Iterator[tuple[Batch, Findings]]:
        """The batches that helpers have finished, with their findings; the pixels go to
        `place(batch)`. With `timeout` None, wait for one if any is outstanding. Raises DataError
        if a helper died."""
        if any(helper.given for helper in self._helpers):
            for key, _ in self._selector.select(timeout):
                decoder = key.fileobj
                assert isinstance(decoder, Decoder)
                if decoder.given:  # else it has died, which the next batch for it will show
                    yield decoder.answer(place)

    def _take(self, most: int) -> Batch | None:
        """A batch within one chunk; smaller near the end, so that the last one is done soon."""
        first = self._given
        if first == min(len(self.paths), self.first + self._ahead):
            return None
        left = len(self.paths) - first
        chunk_end = first - first % self.size + self.size
        self._given = min(first + min(most, -(-left // 8)), chunk_end)
        return Batch(first, self.paths[first : self._given])


@contextmanager
def head_start(
    paths: Sequence[str], form: Form | None, expected: Expected | None = None
) -> Iterator[Sharing | None]:
    """Start helpers that decode the first of `paths` while this process does something else;
    `stream_shared` continues from there. None if that is not worthwhile, or without a `form`."""
    if (
        form is None
        or len(paths) < _HEAD_START_PAYS_IMAGES
        or math.prod(form.shape) > _HEAD_START_IMAGE_BYTES
    ):
        yield None
        return
    with ExitStack() as stack:
        sharing = Sharing(paths, form, expected, stack)
        sharing.start(usable_cores() - 1)
        sharing.hand_out_ahead()
        yield sharing

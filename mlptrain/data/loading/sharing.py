"""Who decodes which of many image files: this process, or one of its helpers (`decoder.py`).

The files are handed out in batches, in their order. Nothing here needs NumPy, so that helpers can
start while this process still loads what it will compute with.
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
_MOST_CHUNKS = 64  # in memory at once: the caller's, and those read ahead
_OWN_BATCH = 32  # images this process decodes before it looks after its helpers
_HELPER_BATCH = 128
_HELPER_BATCHES = 2  # given to a helper at once: it never waits for the next
_HEAD_START_PAYS_IMAGES = 2_000  # a helper needs about as long to start as to decode so many
_HEAD_START_IMAGE_BYTES = 1 << 18  # at most: nobody has checked yet what asks for this memory


class Sharing:
    """The images `paths` of `form`, read ahead of a caller who takes them chunk by chunk.

    Attributes:
        size: how many images are a chunk; no batch belongs to two.
        first: the first image of the chunk that the caller works on; the caller sets it.
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
        """Start so many helpers, or as many as there can be."""
        for _ in range(helpers):
            try:
                decoder = self._stack.enter_context(Decoder(self.form, self.expected))
            except OSError:  # no more processes allowed here: fewer helpers do it too, later
                return
            self._selector.register(decoder, EVENT_READ)
            self._helpers.append(decoder)

    def has_helpers(self) -> bool:
        """Whether any were started."""
        return bool(self._helpers)

    def take(self) -> Batch | None:
        """The next images for this process to decode; None if all that may be read ahead is handed
        out."""
        return self._take(_OWN_BATCH)

    def hand_out(self) -> None:
        """See to it that each helper has enough to do."""
        for helper in self._helpers:
            while len(helper.given) < _HELPER_BATCHES and (more := self._take(self._helper_batch)):
                helper.give(more)

    def hand_out_ahead(self) -> None:
        """Give the helpers their share of all that may be read ahead; the rest is left to this
        process, which will have to wait for them. A helper takes in its batches while it starts:
        beyond some thousand paths, this waits for that."""
        processes = 1 + len(self._helpers)
        share = min(len(self.paths), self._ahead) * len(self._helpers) // processes
        for helper in cycle(self._helpers):
            if self._given >= share or (more := self._take(self._helper_batch)) is None:
                return
            helper.give(more)

    def answers(
        self, timeout: float | None, place: Callable[[Batch], memoryview]
    ) -> Iterator[tuple[Batch, Findings]]:
        """The batches that helpers are done with, and what they found; the pixels go to
        `place(batch)`. With `timeout` None, wait for one if any is due. Raises DataError if a
        helper died."""
        if any(helper.given for helper in self._helpers):
            for key, _ in self._selector.select(timeout):
                decoder = key.fileobj
                assert isinstance(decoder, Decoder)
                if decoder.given:  # else it died, as will show when it is to do more
                    yield decoder.answer(place)

    def _take(self, most: int) -> Batch | None:
        """Images of one chunk: fewer near the end, so that nobody waits long for the last."""
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
    """Have helpers decode the first of `paths` while this process goes on with something else, for
    `stream_shared` to go on from. None where that does not pay, or without a `form`."""
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

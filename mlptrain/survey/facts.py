"""Facts about data that are cheap to know: counts from lists, sizes and modes from a sample of
files, copies where few bytes have to be read."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images.decoding import Look, explained, look_of
from mlptrain.data.images.settings import Format, ImageSettings
from mlptrain.paths import UnreadableError, look, read_file

SAMPLE = 200  # image files whose headers are read
_MOST_FILES = 20_000  # whose sizes are compared, to find copies
_MOST_READ = 2_000  # of equal size, whose content is compared
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Looks:
    """What a sample of image files is like.

    Attributes:
        sampled: how many files were looked at, of `total`.
        sizes: how often each upright (width, height) occurs.
        modes: how often "L" and "RGB" occur.
        formats: the formats that occur.
        bad: paths and reasons of those that cannot be read.
    """

    sampled: int
    total: int
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    formats: frozenset[str]
    bad: tuple[tuple[str, str], ...]


def looks_of(paths: Sequence[str], most: int = SAMPLE) -> Looks:
    """What `paths` are like, by the headers of at most `most` files, evenly spread."""
    chosen = sample(paths, most)
    form = ImageSettings(formats=get_args(Format)).form
    looks: list[Look] = []
    bad: list[tuple[str, str]] = []
    for path in chosen:
        try:
            looks.append(look_of(path, form))
        except Exception as error:
            bad.append((path, explained(error)))
    return Looks(
        len(chosen),
        len(paths),
        Counter(each.size for each in looks),
        Counter(each.mode for each in looks),
        frozenset(each.format for each in looks),
        tuple(bad),
    )


def sample(paths: Sequence[str], most: int = SAMPLE) -> list[str]:
    """At most `most` of `paths`, evenly spread."""
    count = min(most, len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]


def copies_in(paths: Sequence[str]) -> NDArray[np.int64] | None:
    """(n,) for each file, the index of the first with the same content, its own if it is no copy;
    None if too much would have to be read to know that."""
    if len(paths) > _MOST_FILES:
        return None
    sizes = list(map(_size, paths))
    common = {size for size, count in Counter(sizes).items() if count > 1}
    alike = [index for index, size in enumerate(sizes) if size in common]
    if len(alike) > _MOST_READ or sum(sizes[index] for index in alike) > _MOST_BYTES:
        return None
    originals, first = np.arange(len(paths)), dict[bytes, int]()
    for index in alike:
        originals[index] = first.setdefault(_digest(paths[index]), index)
    return originals


def _size(path: str) -> int:
    """The size of a file in bytes; 0 if it is none."""
    try:
        status = look(path)
    except UnreadableError:
        return 0
    return status.st_size if status else 0


def _digest(path: str) -> bytes:
    """A digest of the content; of the path if the file cannot be read."""
    try:
        return hashlib.sha256(read_file(path, _MOST_BYTES)).digest()
    except UnreadableError:
        return path.encode("utf-8", "surrogateescape")


def median(sizes: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    """The median width and the median height of images, counted by their size."""
    counts = list(sizes.values())
    widths, heights = (np.repeat(sides, counts) for sides in zip(*sizes, strict=True))
    return int(np.median(widths)), int(np.median(heights))

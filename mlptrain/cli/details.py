"""What `--verbose` tells: where the data came from, and what the command computes with."""

from collections.abc import Container, Iterable, Iterator
from itertools import groupby

from mlptrain.backend.protocol import Backend
from mlptrain.cli.layout import plural
from mlptrain.data.dataset import IMAGES, Dataset
from mlptrain.text import show_path
from mlptrain.training.environment import blas


def data_details(splits: Iterable[tuple[str, Dataset]], decoded: Container[str]) -> Iterator[str]:
    """A line per source of the `splits`; the images of those in `decoded` were decoded just now."""
    for _, group in groupby(splits, lambda each: id(each[1].inputs)):  # one may hold two splits
        parts = dict(group)
        first = next(iter(parts.values()))
        count = first.words.count(sum(map(len, parts.values())))
        place = show_path(first.array[0] if first.array else first.root)
        line = f"{', '.join(parts)}: {count} from {place}"
        if first.words is IMAGES and not first.array:
            fresh = any(name in decoded for name in parts)
            line += ", decoded now" if fresh else ", decoded before and kept in the cache"
        yield line


def computing(threads: int, backend: Backend) -> str:
    """What the results depend on besides the data."""
    return f"computing with {plural(threads, 'thread')}, {backend.kernels} kernels, {blas()}"

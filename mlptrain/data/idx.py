"""A pair of IDX files, the format of MNIST: images and labels, gzipped or not."""

import gzip
import zlib
from pathlib import Path
from typing import IO, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.reading import UnreadableError, opened
from mlptrain.data.source import LocatedPath, Pixels, Source, sources
from mlptrain.errors import DataError
from mlptrain.text import show_path

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_MOST_INFLATION = 1032  # deflate cannot shrink more than this (zlib, technical details)


@sources.register
class Idx(Source):
    """Two IDX files: images, unsigned bytes (n, height, width) or (n, height, width, 3), and
    labels, integers (n,)."""

    type: Literal["idx"] = "idx"
    images: Annotated[LocatedPath, Field(description="IDX file of the images, gzipped or not")]
    labels: Annotated[LocatedPath, Field(description="IDX file of the labels, gzipped or not")]

    @property
    def place(self) -> str:
        return self.images

    def content(self) -> Pixels:
        images, labels = read_idx(self.images), read_idx(self.labels)
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise _wrong_array(self.images, images, "uint8 (n, height, width) or (…, 3)")
        if images.ndim == 3:
            images = images[..., None]
        if images.shape[3] not in (1, 3) or 0 in images.shape:
            raise _wrong_array(self.images, images, "uint8 (n, height, width) or (…, 3)")
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise _wrong_array(self.labels, labels, "integers (n,)")
        if len(labels) != len(images):
            raise DataError(
                f"{show_path(self.labels)}: has {len(labels):,} labels, but "
                f"{show_path(self.images)} has {len(images):,} images. They must belong together."
            )
        path = Path(self.images)
        return Pixels(
            str(path.parent),
            path.name,
            images.astype(np.uint8, copy=False),
            labels.astype(np.int64),
        )


def read_idx(path: str) -> NDArray[np.generic]:
    """The array in the IDX file `path`. Raises DataError, before it takes memory for an array that
    is larger than the file can hold."""
    with opened(path) as (file, size):
        zipped = file.read(2) == _GZIP
        file.seek(0)
        if not zipped:
            return _read_array(file, size, exact=True)
        try:
            with gzip.GzipFile(fileobj=file) as inflated:
                return _read_array(inflated, size * _MOST_INFLATION, exact=False)  # type: ignore[arg-type]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableError(f"is damaged: {error}") from None


def _read_array(file: IO[bytes], limit: int, *, exact: bool) -> NDArray[np.generic]:
    """The array in `file`, which has `limit` bytes, exactly or at most."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 0 < magic[3] <= 8:
        raise UnreadableError(f"is not an IDX file: it starts with {magic!r}")
    dtype = np.dtype(_DTYPES[magic[2]])
    sizes = file.read(4 * magic[3])
    shape = [int.from_bytes(sizes[i : i + 4]) for i in range(0, len(sizes), 4)]
    length = dtype.itemsize
    for side in shape:
        length *= side
    due = 4 + 4 * magic[3] + length
    if due > limit or (exact and due != limit) or len(sizes) < 4 * magic[3]:
        raise UnreadableError(f"is cut off or damaged: its header {shape} asks for {due:,} bytes")
    array = np.empty(shape, dtype)
    buffer = array.reshape(-1).view(np.uint8).data
    while buffer:
        count = file.readinto(buffer)  # type: ignore[attr-defined]
        if not count:
            raise UnreadableError(f"is cut off: {len(buffer):,} bytes are missing")
        buffer = buffer[count:]
    if file.read(1):
        raise UnreadableError(f"is damaged: more than the {due:,} bytes of its header {shape}")
    return array


def _wrong_array(path: str, array: NDArray[np.generic], allowed: str) -> DataError:
    return DataError(
        f"{show_path(path)}: holds {array.dtype.name} {array.shape}. Allowed are {allowed}."
    )

"""A pair of IDX files, the format of MNIST: images and labels, gzipped or not."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mlptrain.data.sources.source import LABEL, Arrays, LocatedPath, Source, sources
from mlptrain.data.sources.stored import COPY_AGAIN, MOST_INFLATION, StoredArray
from mlptrain.errors import DataError
from mlptrain.paths import UnreadableError, opened
from mlptrain.text import show_name, show_path

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_IMAGES = re.compile(r"images([-.])idx3")


@sources.register
class Idx(Source):
    """Two IDX files: images, unsigned bytes (n, height, width) or (n, height, width, 3), and
    labels, integers (n,) from 0."""

    type: Literal["idx"] = "idx"
    described: ClassVar[str] = "IDX files (…images-idx3…, …labels-idx1…)"
    images: Annotated[LocatedPath, Field(description="IDX file of the images, gzipped or not")]
    labels: Annotated[LocatedPath, Field(description="IDX file of the labels, gzipped or not")]

    @classmethod
    def keys_of(cls, path: str) -> dict[str, str] | None:
        images = PurePath(path)
        if not _IMAGES.search(images.name):
            return None
        labels = images.with_name(_IMAGES.sub(r"labels\1idx1", images.name))
        return {"images": path, "labels": str(labels)}

    @property
    def place(self) -> str:
        return self.images

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Arrays:
        if weight is not None:
            raise DataError(
                f"{show_path(self.images)}: IDX files have no weights. Use an .npz for "
                f"data.weight '{show_name(weight)}'."
            )
        with _stored(self.labels) as stored:
            labels = stored.targets(columns)
        with _stored(self.images) as stored:
            images = stored.images(len(labels), show_path(self.labels))
        path = Path(self.images)
        return Arrays(str(path.parent), path.name, images, labels)


@contextmanager
def _stored(path: str) -> Iterator[StoredArray]:
    """The array in the IDX file `path`. Raises DataError."""
    with opened(path) as (file, size):
        zipped = file.read(2) == _GZIP
        file.seek(0)
        if not zipped:
            yield _with_header(file, size)
            return
        try:
            with gzip.GzipFile(fileobj=file) as inflated:
                yield _with_header(inflated, size * MOST_INFLATION)  # type: ignore[arg-type]
        except EOFError:
            raise UnreadableError(
                f"is cut off: the end of its gzip data is missing. {COPY_AGAIN}"
            ) from None
        except (zlib.error, gzip.BadGzipFile):
            raise UnreadableError(
                "is damaged: its gzip data cannot be decompressed, or its checksum is wrong. "
                f"{COPY_AGAIN}"
            ) from None


def _with_header(file: IO[bytes], size: int) -> StoredArray:
    """The array in `file`, which has at most `size` bytes."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 0 < magic[3] <= 8:
        raise UnreadableError(f"is not an IDX file: it starts with {magic!r}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UnreadableError("is cut off in its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4]) for i in range(0, len(sizes), 4))
    return StoredArray(file, size - file.tell(), shape, np.dtype(_DTYPES[magic[2]]))

"""An .npz file, as `numpy.savez` writes it, with the images and the labels as two arrays."""

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Annotated, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.reading import UnreadableError, opened
from mlptrain.data.source import LocatedPath, Pixels, Source, sources
from mlptrain.errors import DataError
from mlptrain.text import show_path

_MOST_INFLATION = 1032  # deflate cannot shrink more than this (zlib, technical details)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@sources.register
class Npz(Source):
    """An .npz file with images, uint8 (n, height, width) or (n, height, width, 1 or 3), and labels
    (n,), integers from 0 or class names."""

    type: Literal["npz"] = "npz"
    path: Annotated[LocatedPath, Field(description=".npz file")]
    x: Annotated[str, Field(description="name of the array of images")] = "x"
    y: Annotated[str, Field(description="name of the array of labels")] = "y"

    @property
    def place(self) -> str:
        return self.path

    def content(self) -> Pixels:
        images, labels = self._arrays()
        where = show_path(self.path)
        if images.dtype != np.uint8:
            raise DataError(
                f"{where}: {self.x} is {images.dtype}. Allowed is uint8, gray levels 0 to 255. "
                "Convert it, for values in [0, 1] with (255 * x).round().astype('uint8')."
            )
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
            raise DataError(
                f"{where}: {self.x} has shape {images.shape}. Allowed are (n, height, width) and "
                "(n, height, width, 1 or 3)."
            )
        if labels.shape != (len(images),):
            raise DataError(
                f"{where}: {self.y} has shape {labels.shape}. Allowed is ({len(images)},), one "
                "label per image."
            )
        path = Path(self.path)
        return Pixels(
            str(path.parent), path.name, np.ascontiguousarray(images, np.uint8), self._named(labels)
        )

    def _named(self, labels: NDArray[np.generic]) -> NDArray[np.int64] | tuple[str, ...]:
        if labels.dtype.kind in "iu":
            return labels.astype(np.int64)
        if labels.dtype.kind == "U":
            return tuple(map(str, labels))
        raise DataError(
            f"{show_path(self.path)}: {self.y} is {labels.dtype}. Allowed are integers from 0 and "
            "strings."
        )

    def _arrays(self) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        with opened(self.path) as (file, size), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with zipfile.ZipFile(file) as archive:
                    return _member(archive, self.x, size), _member(archive, self.y, size)
            except (UnreadableError, OSError, MemoryError):
                raise
            except Exception as error:  # zipfile and numpy let through what their input provokes
                raise UnreadableError(f"is damaged: {error or type(error).__name__}") from None


def _member(archive: zipfile.ZipFile, name: str, size: int) -> NDArray[np.generic]:
    """The array `name`; its header is believed only if the file, of `size` bytes, can hold it."""
    if f"{name}.npy" not in archive.namelist():
        held = ", ".join(show_path(held.removesuffix(".npy")) for held in archive.namelist())
        raise UnreadableError(
            f"has no array {name!r}, it holds {held}. Set x and y to two of these"
        )
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in _METHODS or member.flag_bits & 1:
        raise UnreadableError("is compressed in another way than numpy.savez_compressed does")
    with archive.open(member) as file:
        shape, fortran_order, dtype = _header(file)
        length = math.prod(shape) * dtype.itemsize
        if member.file_size != file.tell() + length or length > size * _MOST_INFLATION:
            raise UnreadableError(f"is damaged: {name} claims {length:,} bytes it does not have")
        array = np.empty(length, np.uint8)
        rest = array.data
        while rest:
            count = file.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                raise UnreadableError(f"is cut off: {name} lacks {len(rest):,} bytes")
            rest = rest[count:]
        file.read(1)  # makes zipfile compare the checksum
    ordered = array.view(dtype)
    return ordered.reshape(shape[::-1]).T if fortran_order else ordered.reshape(shape)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran_order, dtype = read(file)
    if dtype.hasobject or any(side < 0 for side in shape):
        raise UnreadableError(f"holds {dtype} {shape}; Python objects are never loaded")
    return shape, fortran_order, dtype

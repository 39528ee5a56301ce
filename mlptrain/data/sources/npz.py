"""An .npz file, as `numpy.savez` writes it, with images and labels as arrays.

Their default names are `x` and `y`. In a file with several splits, such as Keras' mnist.npz, they
are `x_train` and `y_train` for training, and `x_test` and `y_test` for evaluation.
"""

import errno
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.sources.source import LABEL, Arrays, LocatedPath, Source, sources
from mlptrain.data.sources.stored import COPY_AGAIN, MOST_INFLATION, StoredArray, in_npy
from mlptrain.paths import UnreadableError, opened
from mlptrain.shared import warnings_ignored
from mlptrain.text import show_name

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SUFFIXES = {"train": ("train",), "validation": ("validation", "valid", "val")}
_PLAIN = re.compile(r"[\w./+-]+")


@sources.register
class Npz(Source):
    """An .npz file with inputs, images as uint8 (n, height, width) or (n, height, width, 1 or 3) or
    numbers as floats (n, ...), and their targets: of classes (n,) or (n, 1), integers from 0 or
    names; else numbers (n, ...)."""

    type: Literal["npz"] = "npz"
    described: ClassVar[str] = "an .npz with x (images) and y (labels)"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    path: Annotated[LocatedPath, Field(description=".npz file")]
    x: Annotated[
        str | None, Field(description="name of the array of inputs; null: x, x_train or x_test")
    ] = None
    y: Annotated[
        str | None, Field(description="name of the array of targets; null: y, y_train or y_test")
    ] = None

    @property
    def place(self) -> str:
        return self.path

    def of_split(self, split: str) -> Self:
        with self._archive() as (archive, _):
            held = set(_names(archive))
        if self.x is None and self.y is None and not {"x", "y"} <= held:
            for suffix in _SUFFIXES.get(split, ("test",)):
                x, y = f"x_{suffix}", f"y_{suffix}"
                if {x, y} <= held:
                    return self.model_copy(update={"x": x, "y": y})
        return self

    @property
    def part(self) -> str:
        return f"{show_name(self.x or 'x')} and {show_name(self.y or 'y')}"

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Arrays:
        x, y = self.x or "x", self.y or "y"
        weights: NDArray[np.float64] | None = None
        with self._archive() as (archive, size):
            self._require(archive, weight, x, *([y] if columns else []))
            labels: NDArray[Any] | tuple[str, ...] | None = None
            if columns:
                with _stored(archive, y, size) as stored:
                    labels = stored.targets(columns)
            with _stored(archive, x, size) as stored:
                count = stored.shape[0] if labels is None else len(labels)
                inputs = stored.inputs(count, y)
            if weight:
                with _stored(archive, weight, size) as stored:
                    weights = stored.numbers(count, 1).reshape(-1)
        path = Path(self.path)
        name = path.name if x == "x" else f"{path.name}:{x}"
        labels = ("",) * count if labels is None else labels
        return Arrays(str(path.parent), name, inputs, labels, path.name, weights=weights)

    @contextmanager
    def _archive(self) -> Iterator[tuple[zipfile.ZipFile, int]]:
        """The open file, and its size in bytes. Raises DataError."""
        with opened(self.path) as (file, size), warnings_ignored:
            try:
                with zipfile.ZipFile(file) as archive:
                    yield archive, size
            except (UnreadableError, MemoryError):
                raise
            except Exception as error:  # zipfile raises many kinds of error
                if isinstance(error, OSError) and error.errno != errno.EINVAL:
                    raise  # an error of the disk, not of a seek to before the start
                raise UnreadableError(_broken_zip(file)) from None

    def _require(self, archive: zipfile.ZipFile, weight: str | None, *names: str) -> None:
        """Raise UnreadableError, saying what to write, if one of `names` or `weight` is missing."""
        held = _names(archive)
        there = f"it holds {', '.join(map(show_name, held)) or 'none'}"
        for name in names:
            if name not in held:
                remedy = f"Name images and labels: {self._suggestion(archive)}"
                if len(names) == 1:
                    remedy = f"Give the inputs that name: numpy.savez(file, {name}=inputs)."
                raise UnreadableError(f"has no array {name!r}, {there}. {remedy}")
        if weight and weight not in held:
            raise UnreadableError(
                f"has no array '{show_name(weight)}', {there}. Name the one that holds the "
                "examples' weights in data.weight, or remove that key."
            )

    def _suggestion(self, archive: zipfile.ZipFile) -> str:
        """A source entry with two arrays that could be images and labels, or placeholders."""
        x, y, shapes = "IMAGES", "LABELS", {}
        for name in _names(archive):
            with _stored(archive, name, 0) as stored:
                shapes[name] = stored.shape
        for images, shape in shapes.items():
            for labels, other in shapes.items():
                if len(shape) > 2 and other in (shape[:1], (*shape[:1], 1)):
                    x, y = images, labels
        return f"{{path: {_quoted(self.path)}, x: {_quoted(x)}, y: {_quoted(y)}}}"


def read_arrays(path: str) -> dict[str, NDArray[np.float64]]:
    """The arrays of numbers in the .npz file `path`, by name. Raises DataError."""
    arrays = {}
    with Npz(path=path)._archive() as (archive, size):
        for name in _names(archive):
            with _stored(archive, name, size) as stored:
                arrays[name] = stored.numbers(None)
    return arrays


def read_attributes(path: str) -> tuple[dict[str, NDArray[np.float64]], dict[str, tuple[str, ...]]]:
    """The arrays of numbers and those of text in the .npz file `path`, by name; a single value
    counts as an array of one. Raises DataError."""
    numbers, texts = {}, {}
    with Npz(path=path)._archive() as (archive, size):
        for name in _names(archive):
            with _stored(archive, name, size) as stored:
                found = replace(stored, shape=stored.shape or (1,))
                if found.dtype.kind == "U":
                    labels = found.labels()
                    assert isinstance(labels, tuple)
                    texts[name] = labels
                else:
                    numbers[name] = found.numbers(None)
    return numbers, texts


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [name[:-4] for name in archive.namelist() if name.endswith(".npy")]


def _quoted(text: str) -> str:
    """`text` as a YAML scalar inside braces."""
    shown = show_name(text)
    return shown if _PLAIN.fullmatch(shown) else json.dumps(shown, ensure_ascii=False)


def _broken_zip(file: IO[bytes]) -> str:
    """The reason why `file` could not be read as a zip archive."""
    file.seek(0)
    start = file.read(4)
    if start[:2] != b"PK":
        return (
            f"is not an .npz file: it starts with {start!r}. "
            "Write one with numpy.savez(file, x=images, y=labels)."
        )
    if not zipfile.is_zipfile(file):
        return f"is cut off: the table of contents at its end is missing. {COPY_AGAIN}"
    return (
        "is damaged: its zip archive cannot be unpacked, or a checksum in it is wrong. "
        f"{COPY_AGAIN}"
    )


@contextmanager
def _stored(archive: zipfile.ZipFile, name: str, size: int) -> Iterator[StoredArray]:
    """The array `name`, in a file of `size` bytes."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in _METHODS or member.flag_bits & 1:
        raise UnreadableError("is compressed in another way than numpy.savez_compressed does")
    with archive.open(member) as file:
        try:
            stored = in_npy(file, min(member.file_size, size * MOST_INFLATION), name)
        except ValueError:  # whatever is wrong with the header
            raise UnreadableError(
                f"holds {name}.npy, which is not a NumPy array. "
                "Write the file with numpy.savez(file, x=images, y=labels)."
            ) from None
        yield stored

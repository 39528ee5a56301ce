"""What every data source is: a place, and the examples in it.

A source is a definition that lists its examples; `read_dataset.py` turns them into a `Dataset`, in
the same way for all of them. There are two kinds of content: files to decode, and pixels in an
array. In YAML it is a path or a mapping:

    train: digits/train                                 # a folder, because of its name
    train: {type: csv, path: digits.csv}                # the same, in full, for each kind
    train: {images: a-images-idx3.gz, labels: a-labels-idx1.gz}

The kind of a path follows from its name alone; no file is looked at.
"""

import os
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ValidationInfo
from pydantic_core import PydanticCustomError

from mlptrain.errors import DataError
from mlptrain.registry import Definition, Registry
from mlptrain.text import show_path


@dataclass(frozen=True)
class Files:
    """Image files: their names below the folder `root`, the class name of each, and, in a manifest,
    the line that lists it; `ignored`: the names of entries there that a machine left behind."""

    root: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    lines: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()

    def take(self, indices: list[int]) -> Self:
        """The files at `indices`."""
        return replace(
            self,
            names=tuple(map(self.names.__getitem__, indices)),
            labels=tuple(map(self.labels.__getitem__, indices)),
            lines=tuple(map(self.lines.__getitem__, indices)) if self.lines else (),
        )

    def paths(self) -> list[str]:
        """Where the files are; a name may be an absolute path."""
        prefix = os.path.join(self.root, "")
        return [name if name.startswith("/") else prefix + name for name in self.names]


@dataclass(frozen=True)
class Pixels:
    """images (n, h, w, 1 or 3) uint8 out of the file `name` in the folder `root`, and per image a
    class name or a number; `file`: that
    file, where `name` says more."""

    root: str
    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | tuple[str, ...]
    file: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What the images are called: "file[index]"."""
        return tuple(f"{self.name}[{index}]" for index in range(len(self.images)))


class Source(Definition):
    """Where examples come from. `described` says what such a source is, for a user who has given
    something else; a path that ends in one of `suffixes` is such a source."""

    type: str
    described: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def keys_of(cls, path: str) -> dict[str, str] | None:
        """The keys that `path` alone stands for, or None if, by its name, it is none of these."""
        return {"path": path} if PurePath(path).suffix.lower() in cls.suffixes else None

    @property
    @abstractmethod
    def place(self) -> str:
        """The file or folder to name when something is wrong with the whole."""

    def of_split(self, split: str) -> Self:
        """This source, restricted to `split` if it holds several. Raises DataError."""
        return self

    @property
    def part(self) -> str:
        """What of a file that holds several splits this source is, in words."""
        return ""

    @abstractmethod
    def content(self) -> Files | Pixels:
        """All examples, in an order that depends on nothing but the data. Raises DataError."""


PATH_OR_MAPPING = "a path or a mapping"


class Sources(Registry[Source]):
    """The data sources. A path stands for one, and so does a mapping without `type`."""

    type_is_required = False

    def spelled_out(self, value: object) -> object:
        if isinstance(value, str):
            return self._of_path(value)
        if not isinstance(value, dict) or "type" in value:
            return value
        for name, source in self._definitions.items():
            fields = source.model_fields.items()
            if value.keys() & {key for key, field in fields if field.is_required()} - {"path"}:
                return {"type": name, **value}
        if isinstance(value.get("path"), str):
            return {**self._of_path(value["path"]), **{k: value[k] for k in value if k != "path"}}
        return value

    def validate(self, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str | dict | BaseModel):
            raise PydanticCustomError("expected", PATH_OR_MAPPING)
        return super().validate(value, info)

    def _of_path(self, path: str) -> dict[str, Any]:
        for name, source in self._definitions.items():
            if (keys := source.keys_of(path)) is not None:
                return {"type": name, **keys}
        return {"type": "folder", "path": path}

    def short_forms(self) -> list[dict[str, Any]]:
        return [{"type": "string"}]


sources = Sources("data source", Source)

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def wrong_kind(path: str) -> DataError:
    """The error for the file `path`, which by its name is none of the sources there are."""
    *others, last = (source.described for source in sources.definitions())
    if path.lower().endswith(_ARCHIVES):
        remedy = "Unpack it"
    elif path.lower().endswith((".npy", ".npz")):
        remedy = "Put images and labels into one .npz with numpy.savez(file, x=images, y=labels)"
    else:
        remedy = "Name one of these"
    return DataError(
        f"{show_path(path)}: is no file of labelled images that mlptrain reads. "
        f"Allowed are {', '.join(others)} and {last}. {remedy}."
    )


def _locate(path: str, info: ValidationInfo) -> str:
    return locate(path, info.context and info.context.get("folder"))


def locate(path: str, folder: str | None) -> str:
    """`path` with ~ expanded and, if `folder` is given, starting there. Raises ValueError."""
    if not path or "\0" in path:
        raise ValueError("a path must not be empty or contain a NUL character")
    try:
        located = Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{path!r} has no home folder here; write the path out") from None
    if folder is not None:
        located = Path(os.path.normpath(Path(folder) / located))
    return str(located)


LocatedPath = Annotated[str, AfterValidator(_locate)]

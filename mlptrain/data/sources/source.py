"""What every data source is: a place, and the examples in it.

A source is a definition that lists its examples; `read_dataset.py` turns them into a `Dataset`, in
the same way for all of them. There are two kinds of content: files to decode, and pixels in an
array.
"""

import os
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, ValidationInfo

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
    """Where examples come from."""

    type: str
    described: ClassVar[str]  # what such a source is, for a user who has given something else

    @property
    @abstractmethod
    def place(self) -> str:
        """The file or folder to name when something is wrong with the whole."""

    def of_split(self, split: str) -> Self:
        """This source, restricted to `split` if it holds several. Raises DataError."""
        return self

    @abstractmethod
    def content(self) -> Files | Pixels:
        """All examples, in an order that depends on nothing but the data. Raises DataError."""


sources: Registry[Source] = Registry("data source")

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
    """Expand ~, and start from the folder of the configuration file where the context names it."""
    if not path or "\0" in path:
        raise ValueError("a path must not be empty or contain a NUL character")
    try:
        located = Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{path!r} has no home folder here; write the path out") from None
    if info.context and "folder" in info.context:
        located = Path(os.path.normpath(Path(info.context["folder"]) / located))
    return str(located)


LocatedPath = Annotated[str, AfterValidator(_locate)]

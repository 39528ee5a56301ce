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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar, Self

from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ValidationInfo
from pydantic_core import PydanticCustomError

from mlptrain.errors import DataError
from mlptrain.registry import Definition, Registry
from mlptrain.text import show_path

LABEL = "label"
Label = str | tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Image files and what is known of each.

    Attributes:
        root: a folder.
        names: of the files, below it.
        labels: per file the text in the column asked for, a tuple of them for several columns.
        lines: of a table that lists them; empty for other sources.
        ignored: the names of entries that a machine left behind.
        weights: per file its weight in the loss, as text; None: not asked for.
    """

    root: str
    names: tuple[str, ...]
    labels: tuple[Label, ...]
    lines: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()
    weights: tuple[str, ...] | None = None

    def take(self, indices: list[int]) -> Self:
        """The files at `indices`."""
        return replace(
            self,
            names=tuple(map(self.names.__getitem__, indices)),
            labels=tuple(map(self.labels.__getitem__, indices)),
            lines=tuple(map(self.lines.__getitem__, indices)) if self.lines else (),
            weights=self.weights and tuple(map(self.weights.__getitem__, indices)),
        )

    def paths(self) -> list[str]:
        """Where the files are; a name may be an absolute path."""
        return self.beside(self.names)

    def beside(self, names: Sequence[str]) -> list[str]:
        """Where files are that are named like these."""
        prefix = os.path.join(self.root, "")
        return [name if name.startswith("/") else prefix + name for name in names]


@dataclass(frozen=True)
class Arrays:
    """Inputs in one file, and what is known of each.

    Attributes:
        root: a folder.
        name: of the file, and of the array in it if it holds several.
        inputs: images (n, h, w, 1 or 3) uint8, or numbers (n, …) float32.
        labels: (n, …) numbers; or per example a text or a tuple of texts, as in `Files`.
        file: the file, where `name` says more.
        features: the names of the inputs' columns; empty if they have none.
        lines: of a table that lists them; empty for other sources.
        weights: (n,) each example's weight in the loss, or texts; None: not asked for.
    """

    root: str
    name: str
    inputs: NDArray[Any]
    labels: NDArray[Any] | tuple[Label, ...]
    file: str = ""
    features: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    weights: NDArray[Any] | tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the examples are called: "file[index]"."""
        return tuple(f"{self.name}[{index}]" for index in range(len(self.inputs)))


Content = Files | Arrays


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
    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Content:
        """All examples, in an order that depends on nothing but the data, with what is in the
        `columns` of their targets and in the column `weight`. Raises DataError."""


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
    names = sorted(sources, key=lambda name: (name != "folder", name))
    *others, last = (sources[name].described for name in names)
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

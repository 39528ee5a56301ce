"""What every data source is: a place, and the examples in it.

A source is a definition that lists its examples; `read_dataset.py` turns any list into a `Dataset`.
There are two kinds of content: files to decode, and numbers in an array. In YAML, a source is a
path or a mapping:

    train: digits/train                                 # a folder, because of its name
    train: {type: csv, path: digits.csv}                # the same, in full, for each kind
    train: {images: a-images-idx3.gz, labels: a-labels-idx1.gz}

The kind of a path follows from its name alone; the file is not opened.
"""

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar, Self

from numpy.typing import DTypeLike, NDArray
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from mlptrain.errors import DataError
from mlptrain.registry import Definition, Registry
from mlptrain.text import show_path

LABEL = "label"
LARGEST = 1e36  # of numbers: they, and their reciprocals, are normal in float32
Label = str | tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Image files and what is known of each.

    Attributes:
        root: a folder.
        names: the files' paths relative to `root`.
        labels: for each file, the text in the requested column, or a tuple for several columns.
        lines: for each file, its line in the table that lists it; empty for other sources.
        ignored: the names of system files.
        weights: for each file, its weight in the loss, as text; None: not requested.
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
        """The location of the examples with these names."""
        prefix = os.path.join(self.root, "")
        return [name if name.startswith("/") else prefix + name for name in names]


@dataclass(frozen=True)
class Arrays:
    """Inputs in one file, and what is known of each.

    Attributes:
        root: a folder.
        name: the file's name, and the array's name in it if it holds several.
        inputs: images (n, h, w, 1 or 3) uint8, or numbers (n, …) as floats.
        labels: (n, …) numbers; or, for each example, a text or a tuple of texts, as in `Files`.
        file: the file's name, if `name` contains more than that.
        features: the names of the inputs' columns; empty if they have none.
        lines: for each example, its line in a table; empty for other sources.
        weights: (n,) each example's weight in the loss, or texts; None: not requested.
    """

    root: str
    name: str
    inputs: NDArray[Any]
    labels: NDArray[Any] | tuple[Label, ...]
    file: str = ""
    features: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    weights: NDArray[Any] | tuple[str, ...] | None = None

    def of_floats(self, dtype: DTypeLike) -> Self:
        """The same, with inputs that are floats as `dtype`."""
        if self.inputs.dtype.kind != "f":
            return self
        return replace(self, inputs=self.inputs.astype(dtype, copy=False))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the examples: "file[index]"."""
        return tuple(f"{self.name}[{index}]" for index in range(len(self.inputs)))


Content = Files | Arrays


class Source(Definition):
    """Where examples come from. `described` describes such a source in error messages, or is empty
    if no file is one; a path that ends in one of `suffixes` is such a source."""

    type: str
    described: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def keys_of(cls, path: str) -> dict[str, str] | None:
        """The keys that `path` alone stands for, or None if its name does not fit this source."""
        return {"path": path} if PurePath(path).suffix.lower() in cls.suffixes else None

    @property
    @abstractmethod
    def place(self) -> str:
        """The file or folder to name in an error about the whole source."""

    def of_split(self, split: str) -> Self:
        """This source, restricted to `split` if it holds several. Raises DataError."""
        return self

    def with_features(self, features: tuple[str, ...]) -> Self:
        """This source, its inputs the columns `features` of the training data in their order, if it
        holds columns and its definition does not ask for others."""
        return self

    @property
    def part(self) -> str:
        """Which split of a file this source is, in words, if the file holds several."""
        return ""

    @abstractmethod
    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Content:
        """All examples, in an order that depends only on the data, with the values in the target
        `columns` and in the column `weight`. Raises DataError."""


PATH_OR_MAPPING = "a path or a mapping"


class Sources(Registry[Source]):
    """The data sources. A path stands for one, and so does a mapping without `type`."""

    type_is_required = False
    text_is_name = False

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
                folder = path.folder if isinstance(path, FromFolder) else ""
                return {"type": name, **{k: FromFolder(keys[k], folder) for k in keys}}
        return {"type": "folder", "path": path}

    def short_forms(self) -> list[dict[str, Any]]:
        return [{"type": "string"}]


sources = Sources("data source", Source)

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def wrong_kind(path: str) -> DataError:
    """The error for the file `path`, whose name fits no source."""
    names = sorted(sources, key=lambda name: (name != "folder", name))
    *others, last = filter(None, (sources[name].described for name in names))
    remedy = "Unpack it" if path.lower().endswith(_ARCHIVES) else "Name one of these"
    return DataError(
        f"{show_path(path)}: is no file of examples that mlptrain reads. "
        f"Allowed are {', '.join(others)} and {last}. {remedy}."
    )


class FromFolder(str):
    """Text that, if it is a path, starts from `folder`, which starts from the config's folder."""

    folder: str

    def __new__(cls, text: str, folder: str) -> Self:
        """`text`, with its `folder`."""
        made = super().__new__(cls, text)
        made.folder = folder
        return made


def from_config(path: object) -> object:
    """`path` as it starts from the config's folder."""
    if isinstance(path, FromFolder) and path and not path.startswith("~"):
        return os.path.join(path.folder, path)
    return path


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


LocatedPath = Annotated[str, BeforeValidator(from_config), AfterValidator(_locate)]

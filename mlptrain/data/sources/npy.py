"""A pair of .npy files, as `numpy.save` writes them: inputs and targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.data.sources.source import LABEL, Arrays, LocatedPath, Source, sources
from mlptrain.data.sources.stored import StoredArray, in_npy
from mlptrain.errors import DataError
from mlptrain.paths import UnreadableError, opened
from mlptrain.text import show_name, show_path


@sources.register
class Npy(Source):
    """Two .npy files: inputs, images as uint8 (n, height, width) or (n, height, width, 1 or 3) or
    numbers as floats (n, ...), and their targets, as in an .npz."""

    type: Literal["npy"] = "npy"
    described: ClassVar[str] = "{inputs: x.npy, targets: y.npy}"
    inputs: Annotated[LocatedPath, Field(description=".npy file of the inputs")]
    targets: Annotated[
        LocatedPath | None, Field(description=".npy file of the targets; null: there are none")
    ] = None

    @classmethod
    def keys_of(cls, path: str) -> dict[str, str] | None:
        return {"inputs": path} if PurePath(path).suffix.lower() == ".npy" else None

    @property
    def place(self) -> str:
        return self.inputs

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Arrays:
        if weight is not None:
            raise DataError(
                f"{show_path(self.inputs)}: .npy files have no weights. Use an .npz for "
                f"data.weight '{show_name(weight)}'."
            )
        labels = None
        if columns:
            if self.targets is None:
                raise DataError(
                    f"{show_path(self.inputs)}: has no targets. Name their file, too, as in "
                    f"{self.described}, or put both arrays into one .npz as x and y."
                )
            with _stored(self.targets) as stored:
                labels = stored.targets(columns)
        with _stored(self.inputs) as stored:
            count = stored.shape[0] if labels is None else len(labels)
            inputs = stored.inputs(count, show_path(self.targets or ""))
        path = Path(self.inputs)
        return Arrays(
            str(path.parent), path.name, inputs, ("",) * count if labels is None else labels
        )


@contextmanager
def _stored(path: str) -> Iterator[StoredArray]:
    """The array in the .npy file `path`. Raises DataError."""
    with opened(path) as (file, size):
        try:
            stored = in_npy(file, size)
        except ValueError:
            raise UnreadableError("is no .npy file. Write one with numpy.save") from None
        yield stored

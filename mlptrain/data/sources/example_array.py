"""Arrays of examples or targets: what they must be, wherever they are."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.sources.source import LABEL, LARGEST
from mlptrain.paths import UnreadableError

_LAST_CHARACTER, _FIRST_HALF, _LAST_HALF = 0x10FFFF, 0xD800, 0xDFFF  # Unicode; UTF-16's halves


class ExampleArray(ABC):
    """An array whose numbers are read after its shape and dtype have been checked.

    `name`: the array's name, if errors do not begin with it anyway. Errors are UnreadableErrors."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    name: str

    @abstractmethod
    def _read(self) -> NDArray[Any]:
        """All of it, (*shape*), C or Fortran order."""

    def targets(self, columns: tuple[str, ...]) -> NDArray[Any] | tuple[str, ...]:
        """The targets (n, …) for `columns`: labels if these are text or that is the class column,
        else numbers."""
        is_text = self.dtype.kind == "U"
        return self.labels() if is_text or columns == (LABEL,) else self.numbers(None)

    def labels(self) -> NDArray[np.int64] | tuple[str, ...]:
        """The labels (n,) in an array (n,) or (n, 1) of integers from 0 or strings."""
        if len(self.shape) != 1 and self.shape[1:] != (1,):
            raise self._error(
                f"has shape {self.shape}. Allowed are (n,) and (n, 1), one label per image. "
                "Turn one-hot rows into numbers with y.argmax(axis=1)."
            )
        if self.dtype.kind not in "iuU":
            raise self._error(
                f"is {self._dtype}. Allowed are integers from 0 and strings. "
                "Convert whole numbers with y.astype('int64'), names with y.astype('str')."
            )
        labels = self._read().reshape(-1)
        if labels.dtype.kind == "U":
            self._require_text(labels)
            return tuple(map(str, labels))
        for label in (int(labels.min()), int(labels.max())) if len(labels) else ():
            if not 0 <= label <= np.iinfo(np.int64).max:
                raise self._error(f"holds the label {label}. Allowed are integers from 0.")
        return labels.astype(np.int64)

    def numbers(self, count: int | None, most_columns: int | None = None) -> NDArray[np.float64]:
        """Numbers (n, …) up to `LARGEST`: n equals `count` if given, and each example has at most
        `most_columns`."""
        if self.dtype.kind not in "biuf" or not self.shape:
            raise self._error(
                f"is {self._dtype} {self.shape}. Allowed are numbers, a row per example."
            )
        if count is not None and self.shape[0] != count:
            raise self._error(
                f"has {self.shape[0]:,} rows for {count:,} examples. Give one for each."
            )
        if most_columns is not None and math.prod(self.shape[1:]) > most_columns:
            raise self._error(f"has shape {self.shape}. Allowed is (n,), one number per example.")
        numbers = self._read().astype(np.float64)
        wrong = np.argwhere(~(np.abs(numbers) <= LARGEST))
        if len(wrong):
            place = ", ".join(map(str, wrong[0].tolist()))
            raise self._error(
                f"holds {numbers[tuple(wrong[0])]} at [{place}], {len(wrong):,} such in all. Every "
                f"value must be a number up to {LARGEST:g}: fill in or leave out examples that "
                "lack some"
            )
        return numbers

    def inputs(self, count: int, whose: str) -> NDArray[np.uint8] | NDArray[np.float64]:
        """Images as from `images`, or, from floats, numbers (n, …): one row for each of the `count`
        targets in `whose`, a name that the user knows."""
        if self.dtype.kind != "f" and self.dtype != np.uint8:
            raise self._error(
                f"is {self._dtype}. Allowed are uint8, the gray levels 0 to 255 of images, and "
                "floats, numbers. Convert it with x.astype('uint8') or x.astype('float32')."
            )
        if self.dtype.kind != "f":
            return self.images(count, whose)
        if len(self.shape) < 2 or 0 in self.shape:
            raise self._error(f"has shape {self.shape}. Allowed is (n, …), a row of numbers each.")
        self._check_count(count, whose)
        return self.numbers(count)

    def images(self, count: int, whose: str) -> NDArray[np.uint8]:
        """The images as (n, height, width, 1 or 3), one for each of the `count` labels in `whose`,
        a name that the user knows."""
        if self.dtype != np.uint8:
            raise self._error(
                f"is {self._dtype}. Allowed is uint8, gray levels 0 to 255. "
                "Convert it, for values in [0, 1] with (255 * x).round().astype('uint8')."
            )
        shape = self.shape if len(self.shape) == 4 else (*self.shape, 1)
        if len(shape) != 4 or shape[3] not in (1, 3) or 0 in shape:
            raise self._error(
                f"has shape {self.shape}. Allowed are (n, height, width) and "
                "(n, height, width, 1 or 3)."
            )
        self._check_count(count, whose)
        return np.ascontiguousarray(self._read().reshape(shape), np.uint8)

    def _check_count(self, count: int, whose: str) -> None:
        if self.shape[0] != count:
            what = "images" if self.dtype == np.uint8 else "rows"
            raise self._error(
                f"has {self.shape[0]:,} {what}, but {whose} has {count:,} labels. "
                "They must belong together."
            )

    def _require_text(self, labels: NDArray[np.generic]) -> None:
        codes = labels.view(np.dtype(np.uint32).newbyteorder(self.dtype.byteorder))
        codes = codes.reshape(len(labels), -1)
        wrong = (codes > _LAST_CHARACTER) | ((codes >= _FIRST_HALF) & (codes <= _LAST_HALF))
        for row, column in np.argwhere(wrong)[:1]:
            raise self._error(
                f"is not text: the label {row} holds U+{codes[row, column]:04X}, which is no "
                "character"
            )

    @property
    def _dtype(self) -> np.dtype[np.generic]:
        """The dtype in this machine's byte order, as NumPy names it."""
        return self.dtype.newbyteorder("=")

    def _error(self, problem: str) -> UnreadableError:
        return UnreadableError(f"{self.name} {problem}" if self.name else problem)

"""Arrays that a Python program holds, as a source."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr

from mlptrain.data.sources.example_array import ExampleArray
from mlptrain.data.sources.source import LABEL, Arrays, Label, Source, sources
from mlptrain.data.targets import SEPARATOR
from mlptrain.errors import DataError
from mlptrain.paths import UnreadableError
from mlptrain.text import show_name


class Given(NamedTuple):
    """Examples as a Python program gives them: anything that NumPy can make an array of.

    Attributes:
        x: the inputs, as in an .npz; if they have columns, like a pandas DataFrame, these are the
            features.
        y: the targets, as in an .npz; or, for each example, its labels.
        sample_weight: (n,) the examples' weights in the loss; None: all 1.
        name: what to call them in messages.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    name: str = "x"


@sources.register
class ArraySource(Source):
    """Arrays of a Python program, as mlptrain.fit takes them. A config file cannot name them."""

    type: Literal["arrays"] = "arrays"
    described: ClassVar[str] = ""
    _given: Given | None = PrivateAttr(None)
    _features: tuple[str, ...] = PrivateAttr(())

    @classmethod
    def of(cls, given: Given) -> Self:
        """The source of these examples."""
        source = cls()
        source._given = given
        source._features = tuple(map(str, getattr(given.x, "columns", ())))
        return source

    @property
    def place(self) -> str:
        return self._given.name if self._given else "arrays"

    def with_features(self, features: tuple[str, ...]) -> Self:
        source = self.model_copy()
        if self._given is None or not features:
            return source
        if not self._features and np.shape(self._given.x)[1:] == (len(features),):
            source._features = features
        elif set(self._features) == set(features):
            source._features = features
            order = list(map(self._features.index, features))
            source._given = self._given._replace(x=np.asarray(self._given.x)[:, order])
        return source

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Arrays:
        given = self._given
        if given is None:
            raise DataError(
                "arrays: these examples were arrays in a Python program. Name files instead, or "
                "give the arrays to mlptrain.fit."
            )
        if weight is not None and given.sample_weight is None:
            raise DataError(
                f"{given.name}: arrays have no column '{show_name(weight)}'. Give the weights as "
                "sample_weight, or remove data.weight."
            )
        labels = _labels(given, columns)
        with _reported(given.name):
            x = HeldArray.of(given.x)
            count = len(labels) if columns else (*x.shape, 0)[0]
            inputs = x.inputs(count, "y")
        weights: NDArray[np.float64] | None = None
        if given.sample_weight is not None:
            with _reported("sample_weight"):
                held = HeldArray.of(given.sample_weight)
                weights = held.numbers(count, 1).reshape(-1)
        return Arrays(
            "",
            given.name,
            inputs,
            labels if columns else ("",) * count,
            features=self._features,
            weights=weights,
        )


@dataclass(frozen=True)
class HeldArray(ExampleArray):
    """An array in memory."""

    array: NDArray[Any]
    name: str = ""

    @classmethod
    def of(cls, values: Any) -> Self:
        """`values` as an array; Python's strings become NumPy's. Raises UnreadableError."""
        try:
            array = np.asarray(values)
        except (ValueError, TypeError) as error:
            raise UnreadableError(f"is no array: {error}") from None
        if array.dtype == object and all(isinstance(each, str) for each in array.flat):
            array = array.astype(str)
        return cls(array)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """The array's."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:  # type: ignore[override]
        """The array's."""
        return self.array.dtype

    def _read(self) -> NDArray[Any]:
        return np.ascontiguousarray(self.array)


def _labels(given: Given, columns: tuple[str, ...]) -> NDArray[Any] | tuple[Label, ...]:
    """The targets in `y` for `columns`; none for no columns."""
    if bool(columns) == (given.y is None):
        remedy = "are missing. Give y" if columns else "are its inputs. Leave out y"
        raise DataError(f"{given.name}: the targets of this task {remedy}.")
    if not columns:
        return ()
    with _reported("y"):
        return _sets(given.y) or HeldArray.of(given.y).targets(columns)


def _sets(y: Any) -> tuple[str, ...]:
    """Each example's labels as in a table, a|b, if `y` is a list of lists of text; else nothing.
    Raises UnreadableError for a label that cannot be told apart there."""
    if not isinstance(y, list | tuple) or not all(
        isinstance(labels, list | tuple | set | frozenset)
        and all(isinstance(label, str) for label in labels)
        for labels in y
    ):
        return ()
    for label in (label for labels in y for label in labels):
        if SEPARATOR in label or not label:
            raise UnreadableError(
                f"holds the label '{show_name(label)}'. A label must not be empty or contain "
                f"'{SEPARATOR}'."
            )
    return tuple(SEPARATOR.join(labels) for labels in y)


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turn an UnreadableError about the array `name` into a DataError."""
    try:
        yield
    except UnreadableError as error:
        raise DataError(f"{name}: {error}") from None

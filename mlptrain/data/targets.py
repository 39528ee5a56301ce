"""The targets of a data set, in the forms that tasks learn from."""

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.backend.protocol import Backend

SEPARATOR = "|"  # between the labels, or the numbers, of one example in a table
IGNORED = 255  # in masks: a pixel left out of the loss and the metrics


@dataclass(frozen=True)
class Targets:
    """The targets of n examples.

    Attributes:
        values: (n, …), one entry per example.
        names: the names of the classes, labels or numbers that the values stand for.
        name_weights: (names,) the weight in the loss of each name, where values are indices into
            `names`; None: 1.

    Class attributes:
        exact_noun: the word for a target that equal inputs cannot have two of; "" where they can.
        readable: whether `texts` mean something to the user.
    """

    values: NDArray[Any]
    names: tuple[str, ...]
    name_weights: NDArray[np.float64] | None = field(default=None, kw_only=True)
    exact_noun: ClassVar[str] = ""
    readable: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.values)

    def select(self, indices: NDArray[np.int64]) -> Self:
        """The targets of the examples at `indices`, in that order."""
        return replace(self, values=self.values[indices])

    @property
    def encoded(self) -> NDArray[Any]:
        """(n, …) the values that the network is trained on."""
        return self.values

    @abstractmethod
    def texts(self) -> list[str]:
        """Each example's target as text for a table; equal if and only if the targets are."""

    def strata(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """(n,) each example's stratum, numbered from 0, and the strata's names: a split holds out a
        share of each. By default there is one, without a name."""
        return np.zeros(len(self), np.int64), ()

    def example_weights(self, weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """(n,) each example's weight in the loss, from `weights` (n,) and, if examples have one
        name each, `name_weights`; None: 1."""
        return weights

    def amounts(
        self, place: slice, example_weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """(m,) how much each of the m examples at `place` counts in the mean loss of all; only the
        ratios matter. example_weights (n,): what `example_weights` returned."""
        if example_weights is None:
            return np.ones(place.stop - place.start)
        return example_weights[place]

    def weigh(
        self,
        examples: Array,
        targets: Array,
        weights: Array,
        example_weights: Array | None,
        backend: Backend,
    ) -> Call:
        """The call that writes the weights of a batch's loss, which sum to 1, into `weights`, after
        `targets` has been filled. examples (batch,): indices of the examples; example_weights
        (n,): what `example_weights` returned, in the memory of `backend` and the type of
        `weights`."""
        return Call(shares, weights, {"places": examples, "weights": example_weights})


class ClassTargets(Targets):
    """One class per example: values (n,) int64, indices into `names`."""

    exact_noun: ClassVar[str] = "label"

    def texts(self) -> list[str]:
        return list(map(self.names.__getitem__, self.values.tolist()))

    def strata(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        return self.values, self.names

    def example_weights(self, weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        if self.name_weights is None:
            return weights
        by_class = np.asarray(self.name_weights[self.values], np.float64)
        return by_class if weights is None else np.asarray(by_class * weights)


class LabelTargets(Targets):
    """Any number of labels per example: values (n, labels) float32, 1 for each label it has."""

    exact_noun: ClassVar[str] = "label"

    def texts(self) -> list[str]:
        return [
            SEPARATOR.join(name for name, has in zip(self.names, row, strict=True) if has)
            for row in self.values.tolist()
        ]


@dataclass(frozen=True)
class NumberTargets(Targets):
    """Numbers: values (n, k) float64, one column per name. A network learns (value - mean) / std,
    both (k,)."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @cached_property
    def encoded(self) -> NDArray[Any]:
        return np.asarray((self.values - self.mean) / self.std)

    def texts(self) -> list[str]:
        return [SEPARATOR.join(map(repr, row)) for row in self.values.tolist()]


@dataclass(frozen=True)
class MaskTargets(Targets):
    """A class per pixel: values (n, H · W) uint8, indices into `names` or IGNORED. `class_values`:
    the value of each class in the mask files."""

    class_values: tuple[int, ...] = field(default=(), kw_only=True)
    exact_noun: ClassVar[str] = "mask"
    readable: ClassVar[bool] = False

    def texts(self) -> list[str]:
        return [hashlib.sha256(row.tobytes()).hexdigest()[:32] for row in self.values]

    def amounts(
        self, place: slice, example_weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """(m,) the same, where each example is the sum of the weights of its pixels."""
        pixels = self._weight_of_class.take(self.values[place]).sum(axis=1, dtype=np.float64)
        return np.asarray(super().amounts(place, example_weights) * pixels)

    @property
    def _weight_of_class(self) -> NDArray[np.float64]:
        """(256,) the weight of a pixel by its value; 0 for IGNORED."""
        weights = np.ones(IGNORED + 1)
        if self.name_weights is not None:
            weights[: len(self.name_weights)] = self.name_weights
        weights[IGNORED] = 0
        return weights

    def weigh(
        self,
        examples: Array,
        targets: Array,
        weights: Array,
        example_weights: Array | None,
        backend: Backend,
    ) -> Call:
        arrays = {
            "places": examples,
            "targets": targets,
            "by_class": backend.put(self._weight_of_class.astype(weights.dtype)),
            "by_example": example_weights,
            "each": backend.empty((len(examples), 1), weights.dtype),
        }
        return Call(pixel_shares, weights, arrays)


class MaskFiles(Targets):
    """Masks that are not read yet: values (n,), their paths."""

    def texts(self) -> list[str]:
        return [str(path) for path in self.values]


class InputTargets(Targets):
    """The inputs themselves; values (n, 0)."""

    def texts(self) -> list[str]:
        return [""] * len(self)


@kernel("shares")
def shares(xp: Any, out: Array, places: Array, weights: Array | None) -> None:
    """outᵢ = weights[placesᵢ] / Σⱼ weights[placesⱼ], or 0 if all are 0; without weights, all
    alike."""
    if weights is None:
        out.fill(1 / len(out))
        return
    weights.take(places, out=out, mode="clip")
    total = xp.add.reduce(out)
    xp.divide(out, xp.where(total > 0, total, 1), out=out)


def pixel_shares(
    xp: Any,
    out: Array,
    places: Array,
    targets: Array,
    by_class: Array,
    by_example: Array | None,
    each: Array,
) -> None:
    """outᵢ = by_class[targetsᵢ] by_example[the example of i], divided by the sum of these; out and
    targets (batch · pixels,), places (batch,). All 0 if every pixel is ignored."""
    by_class.take(targets, out=out, mode="clip")
    if by_example is not None:
        by_example.take(places, out=each[:, 0], mode="clip")
        pixels = out.reshape(len(places), -1)
        xp.multiply(pixels, each, out=pixels)
    total = xp.add.reduce(out)
    xp.divide(out, xp.where(total > 0, total, 1), out=out)

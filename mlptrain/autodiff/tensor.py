"""A value in the program, recorded before it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from mlptrain.backend.call import Array

if TYPE_CHECKING:
    from mlptrain.autodiff.tape import Tape


class Tensor:
    """One of the values u₀ … uₙ and, where wanted, the gradient of the loss with respect to it.

    While a program is recorded only shape and dtype are known; a `Plan` fills in the arrays.

    Attributes:
        value: the array, once a plan is bound.
        gradient: the array of d loss / d value, once a plan is bound, if `wants_gradient`. A
            function that works in place writes its own results over both.
        name: the name of a parameter or of state in the arena; empty for any other value.
    """

    __slots__ = ("dtype", "gradient", "name", "shape", "tape", "value", "wants_gradient")

    value: Array
    gradient: Array

    def __init__(
        self,
        tape: Tape,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        wants_gradient: bool,
        name: str = "",
    ) -> None:
        self.tape = tape
        self.shape = shape
        self.dtype: np.dtype[np.generic] = np.dtype(dtype)
        self.wants_gradient = wants_gradient
        self.name = name

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a Tensor has no value while the program is recorded, so it cannot be branched on; "
            "branch on shapes or settings instead"
        )

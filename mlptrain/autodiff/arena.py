"""All parameters in one contiguous vector, all gradients in another."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.call import Array
from mlptrain.backend.protocol import Backend


@dataclass(frozen=True)
class Slot:
    """The place of one parameter in the vectors."""

    shape: tuple[int, ...]
    start: int

    @property
    def range(self) -> slice:
        """The slice of either vector that holds the parameter."""
        return slice(self.start, self.start + math.prod(self.shape))


class Arena:
    """The memory of a model's parameters.

    The shapes are known first and memory is allocated once; nothing ever grows. The matrices that
    weight decay acts on come first, so that decay is the slice `[:decayed]`. Raises ValueError for
    a dtype that the backend cannot compute with.

    Attributes:
        values: (n,) every parameter of the model.
        gradients: (n,) the gradient of the loss with respect to each of them.
        decayed: how many of the n come first and are subject to weight decay.
        slots: where each parameter lies, by name, in the vectors' order.
    """

    def __init__(
        self,
        shapes: dict[str, tuple[int, ...]],
        dtype: DTypeLike,
        backend: Backend,
    ) -> None:
        if np.dtype(dtype).name not in backend.dtypes:
            raise ValueError(
                f"{np.dtype(dtype).name}: the {backend.kernels} backend has "
                f"{', '.join(backend.dtypes)}"
            )
        self.backend = backend
        self.slots: dict[str, Slot] = {}
        self.decayed = 0
        size = 0
        for name in sorted(shapes, key=lambda name: not is_decayed(shapes[name])):
            self.slots[name] = slot = Slot(shapes[name], size)
            size = slot.range.stop
            if is_decayed(slot.shape):
                self.decayed = size
        self.values = backend.empty((size,), dtype)
        self.gradients = backend.empty((size,), dtype)
        self.values[...] = 0
        self.gradients[...] = 0

    @property
    def bounds(self) -> NDArray[np.int64]:
        """(parameters + 1,) the boundaries between parameters in the vectors."""
        return np.array([0, *(slot.range.stop for slot in self.slots.values())])

    def value(self, name: str) -> Array:
        """The parameter `name` in its own shape: a view into `values`."""
        slot = self.slots[name]
        return self.values[slot.range].reshape(slot.shape)

    def by_name(self, vector: Array | None = None) -> dict[str, Array]:
        """Every parameter in its own shape, in the vectors' order: views into `vector` (n,), by
        default `values`."""
        whole = self.values if vector is None else vector
        return {name: whole[slot.range].reshape(slot.shape) for name, slot in self.slots.items()}

    def gradient(self, name: str) -> Array:
        """The gradient of parameter `name` in its own shape: a view into `gradients`."""
        slot = self.slots[name]
        return self.gradients[slot.range].reshape(slot.shape)


def is_decayed(shape: tuple[int, ...]) -> bool:
    """Weight decay acts on matrices, not on biases (Krogh & Hertz, 1991; the field's custom)."""
    return len(shape) >= 2

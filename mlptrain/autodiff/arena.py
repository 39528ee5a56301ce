"""All parameters in one contiguous vector, all gradients in another, all state in a third."""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.call import Array
from mlptrain.backend.protocol import Backend
from mlptrain.errors import DefinitionError


@dataclass(frozen=True)
class Slot:
    """The place of one array in its vector."""

    shape: tuple[int, ...]
    start: int

    @property
    def range(self) -> slice:
        """The slice of the vector that holds the array."""
        return slice(self.start, self.start + math.prod(self.shape))


class Arena:
    """The memory of a model's parameters, and of its state: numbers that the model keeps from step
    to step but that no gradient changes, such as running means.

    The shapes are known first and memory is allocated once; nothing ever grows. The matrices that
    weight decay acts on come first, so that decay is the slice `[:decayed]`; the `frozen`
    parameters, which no update changes, come last. Raises ValueError for a dtype that the backend
    cannot compute with, and DefinitionError for a name of both a parameter and state.

    Attributes:
        values: (n,) every parameter of the model.
        gradients: (n,) the gradient of the loss with respect to each of them.
        decayed: how many of the n come first and are subject to weight decay.
        trained: how many of the n come first and are trained.
        frozen: the names of the parameters that are not.
        slots: where each parameter lies, by name, in the vectors' order.
        state: (s,) every number of the state.
        state_slots: where each array of the state lies, by name.
    """

    def __init__(
        self,
        shapes: dict[str, tuple[int, ...]],
        dtype: DTypeLike,
        backend: Backend,
        state_shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
        frozen: Set[str] = frozenset(),
    ) -> None:
        if np.dtype(dtype).name not in backend.dtypes:
            raise ValueError(
                f"{np.dtype(dtype).name}: the {backend.kernels} backend has "
                f"{', '.join(backend.dtypes)}"
            )
        if both := shapes.keys() & state_shapes.keys():
            raise DefinitionError(
                f"{min(both)}: is the name of a parameter and of state. Rename one of them."
            )
        self.backend = backend
        self.frozen = frozen

        def order(name: str) -> tuple[bool, bool]:
            return name in frozen, not is_decayed(shapes[name])

        self.slots, size = _slots({name: shapes[name] for name in sorted(shapes, key=order)})
        sizes = {name: math.prod(shape) for name, shape in shapes.items() if name not in frozen}
        self.decayed = sum(sizes[name] for name in sizes if is_decayed(shapes[name]))
        self.trained = sum(sizes.values())
        self.state_slots, state_size = _slots(state_shapes)
        self.values = backend.empty((size,), dtype)
        self.gradients = backend.empty((size,), dtype)
        self.state = backend.empty((state_size,), dtype)
        for vector in (self.values, self.gradients, self.state):
            vector[...] = 0

    @property
    def bounds(self) -> NDArray[np.int64]:
        """(parameters + 1,) the boundaries between parameters in the vectors."""
        return np.array([0, *(slot.range.stop for slot in self.slots.values())])

    def vector(self) -> Array:
        """A new vector (n,) of zeros, one for each parameter."""
        zeros = self.backend.empty(self.values.shape, self.values.dtype)
        zeros[...] = 0
        return zeros

    def value(self, name: str) -> Array:
        """The parameter `name` in its own shape: a view into `values`."""
        slot = self.slots[name]
        return self.values[slot.range].reshape(slot.shape)

    def by_name(self, vector: Array | None = None) -> dict[str, Array]:
        """Every parameter in its own shape, in the vectors' order: views into `vector` (n,), by
        default `values`."""
        return _views(self.slots, self.values if vector is None else vector)

    def state_by_name(self, vector: Array | None = None) -> dict[str, Array]:
        """Every array of the state in its own shape: views into `vector` (s,), by default
        `state`."""
        return _views(self.state_slots, self.state if vector is None else vector)

    def gradient(self, name: str) -> Array:
        """The gradient of parameter `name` in its own shape: a view into `gradients`."""
        slot = self.slots[name]
        return self.gradients[slot.range].reshape(slot.shape)


def _slots(shapes: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, Slot], int]:
    """The places of arrays one after the other, and how many numbers they hold together."""
    slots: dict[str, Slot] = {}
    size = 0
    for name, shape in shapes.items():
        slots[name] = Slot(shape, size)
        size = slots[name].range.stop
    return slots, size


def _views(slots: dict[str, Slot], vector: Array) -> dict[str, Array]:
    return {name: vector[slot.range].reshape(slot.shape) for name, slot in slots.items()}


def is_decayed(shape: tuple[int, ...]) -> bool:
    """Weight decay acts on matrices, not on biases (Krogh & Hertz, 1991; the field's custom)."""
    return len(shape) >= 2

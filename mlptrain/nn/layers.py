"""The layers that a model can be built of.

A layer is a definition: its fields are its settings in YAML. It declares its parameters' names and
shapes, initializes them, and records what it computes on a tape. A block is a layer that contains
layers; their parameters are named by their path in it, `dense_1/kernel`.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.autodiff.tensor import Tensor
from mlptrain.errors import ConfigError
from mlptrain.functions import dropout, linear, rounded
from mlptrain.functions.activations import Activation, Identity
from mlptrain.functions.elementwise import Add
from mlptrain.functions.penalties import Regularizer
from mlptrain.nn.constraints import Constraint
from mlptrain.nn.initializers import Initializer, initializers
from mlptrain.registry import Definition, Registry

MAX_UNITS = 1_000_000


class Layer(Definition):
    """One layer, from (batch, inputs) to (batch, `outputs(inputs)`)."""

    trainable: Annotated[
        bool, Field(description="whether training changes its parameters; false: they are frozen")
    ] = True

    def summary(self) -> str:
        """The layer's main settings in a few words, for a table of the network."""
        return ""

    def outputs(self, inputs: int) -> int:
        """The width of the layer's output for `inputs` values per example."""
        return inputs

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """The shapes of the layer's parameters by name."""
        return {}

    def initial(
        self, name: str, shape: tuple[int, ...], random: "np.random.Generator"
    ) -> NDArray[np.float64]:
        """The initial value of the parameter `name`, in float64; 0 by default."""
        return np.zeros(shape)

    def frozen(self, inputs: int) -> set[str]:
        """The names of the parameters that are not trained."""
        return set() if self.trainable else set(self.shapes(inputs))

    def constraints(self) -> dict[str, Constraint]:
        """The constraints on parameters, by name."""
        return {}

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """The shapes, by name, of what the layer keeps from step to step and is not trained."""
        return {}

    def initial_state(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """What the state `name` starts as, in float64; 0 unless the layer says otherwise."""
        return np.zeros(shape)

    @abstractmethod
    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        """Record y = layer(x) on x's tape and return y. `parameters` holds the layer's state, too,
        by name."""


layers: Registry[Layer] = Registry("layer", Layer)


@layers.register
class Dense(Layer):
    """y = activation(x kernel + bias), kernel (inputs, units), bias (units,) starting at zero."""

    type: Literal["dense"] = "dense"
    units: Annotated[int, Field(ge=1, le=MAX_UNITS, description="outputs of the layer")]
    activation: Annotated[Activation, Field(description="function applied to each output")] = (
        Identity()
    )
    use_bias: Annotated[bool, Field(description="add a bias to each output")] = True
    kernel_initializer: Annotated[
        Initializer | None,
        Field(description="initial weights; null: what suits the activation"),
    ] = None
    kernel_regularizer: Annotated[
        Regularizer | None,
        Field(description="penalty on the weights, added to the loss in training"),
    ] = None
    kernel_constraint: Annotated[
        Constraint | None, Field(description="constraint on the weights, applied after each step")
    ] = None

    def summary(self) -> str:
        return str(type(self.activation).model_fields["type"].default)

    def outputs(self, inputs: int) -> int:
        return self.units

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"kernel": (inputs, self.units)}
        if self.use_bias:
            shapes["bias"] = (self.units,)
        return shapes

    def initial(
        self, name: str, shape: tuple[int, ...], random: "np.random.Generator"
    ) -> NDArray[np.float64]:
        if name == "bias":
            return super().initial(name, shape, random)
        inputs, units = shape
        initializer = self.kernel_initializer or initializers[self.activation.initializer]()
        return initializer.sample(random, (inputs, units))

    def constraints(self) -> dict[str, Constraint]:
        return {"kernel": self.kernel_constraint} if self.kernel_constraint else {}

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        if self.kernel_regularizer and parameters["kernel"].wants_gradient:
            x.tape.penalties.append(self.kernel_regularizer(parameters["kernel"]))
        is_rounded = x.tape.matmul_precision == "bfloat16"
        if self.use_bias:
            affine = rounded.RoundedLinear() if is_rounded else linear.Linear()
            y = affine(x, parameters["kernel"], parameters["bias"])
        else:
            product = rounded.RoundedMatMul() if is_rounded else linear.MatMul()
            y = product(x, parameters["kernel"])
        return y if isinstance(self.activation, Identity) else self.activation(y)


@layers.register
class Dropout(Layer):
    """In training, sets each value to 0 with probability `rate` and multiplies the others by
    1 / (1 - rate); in evaluation, does nothing (Srivastava et al., 2014)."""

    type: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1, description="share of values set to 0, below 1")] = 0.5

    def summary(self) -> str:
        return f"{self.rate:g}"

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        return dropout.Dropout(rate=self.rate)(x) if x.tape.training else x


class Block(Layer):
    """A sequence of layers as one layer."""

    layers: Annotated[
        tuple[Layer, ...],
        Field(strict=False, min_length=1, description="the layers inside, each with its settings"),
    ]

    def summary(self) -> str:
        return f"{len(self.layers)} inside"

    def outputs(self, inputs: int) -> int:
        for layer in self.layers:
            inputs = layer.outputs(inputs)
        return inputs

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}/{each}": shape
            for name, layer, width in self._inside(inputs)
            for each, shape in layer.shapes(width).items()
        }

    def initial(
        self, name: str, shape: tuple[int, ...], random: "np.random.Generator"
    ) -> NDArray[np.float64]:
        inner, _, rest = name.partition("/")
        return dict(named(self.layers))[inner].initial(rest, shape, random)

    def frozen(self, inputs: int) -> set[str]:
        return super().frozen(inputs) | {
            f"{name}/{each}"
            for name, layer, width in self._inside(inputs)
            for each in layer.frozen(width)
        }

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}/{each}": shape
            for name, layer, width in self._inside(inputs)
            for each, shape in layer.state_shapes(width).items()
        }

    def initial_state(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        inner, _, rest = name.partition("/")
        return dict(named(self.layers))[inner].initial_state(rest, shape)

    def constraints(self) -> dict[str, Constraint]:
        return {
            f"{name}/{parameter}": constraint
            for name, layer in named(self.layers)
            for parameter, constraint in layer.constraints().items()
        }

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        for name, layer in named(self.layers):
            x = layer.record(x, below(name, parameters))
        return x

    def _inside(self, inputs: int) -> Iterator[tuple[str, Layer, int]]:
        """The layers inside, with their names and the widths of their inputs."""
        for name, layer in named(self.layers):
            yield name, layer, inputs
            inputs = layer.outputs(inputs)


@layers.register
class Residual(Block):
    """y = x + f(x), where f is the layers inside: they learn only the residual, and the gradient
    can bypass them (He et al., 2016)."""

    type: Literal["residual"] = "residual"

    def outputs(self, inputs: int) -> int:
        found = super().outputs(inputs)
        if found != inputs:
            raise ConfigError(
                f"model.layers: a residual block turns {inputs} values into {found}, which cannot "
                f"be added. Give its last layer {inputs} units."
            )
        return found

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        return Add()(x, super().record(x, parameters))


def named(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer]]:
    """The layers with their names; layers of each kind are numbered from 1."""
    counts: dict[str, int] = {}
    for layer in layers:
        kind = str(type(layer).model_fields["type"].default)
        counts[kind] = counts.get(kind, 0) + 1
        yield f"{kind}_{counts[kind]}", layer


def below(name: str, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """The `parameters` of the layer `name`, by their names within it."""
    start = f"{name}/"
    return {p.removeprefix(start): parameters[p] for p in parameters if p.startswith(start)}

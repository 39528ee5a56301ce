"""A multi-layer perceptron: layers over one arena, and the plans that run it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Call
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend, MatmulPrecision
from mlptrain.backend.random import Random
from mlptrain.errors import DefinitionError
from mlptrain.functions.activations import Activation, Identity
from mlptrain.functions.elementwise import Add
from mlptrain.functions.losses import Loss
from mlptrain.functions.shape import SplitRows
from mlptrain.nn.layers import Dense, Layer, below, named


@dataclass(frozen=True)
class Head:
    """The output of a network.

    Attributes:
        units: logits per example, the width of the output layer.
        activation: turns logits into predictions.
        rows: rows of units / rows logits per example: one, or one per pixel.
        by_index: whether a target is the index of a unit, one per row, or else a number per unit.
        score: counts the correct predictions of a batch; None if they are not counted.
    """

    units: int
    activation: Activation
    rows: int = 1
    by_index: bool = True
    score: Function | None = None


@dataclass(frozen=True)
class Program:
    """A plan and the tensors that its caller reads and writes.

    Attributes:
        x: (batch, inputs), filled in by the caller.
        targets: (batch · rows,) int64 indices or (batch, units) numbers, filled in likewise.
        weights: (batch · rows,) each row's weight in the loss, sum 1, filled in likewise.
        output: (batch · rows, units / rows) logits in training, predictions in evaluation.
        loss: () weighted mean over the batch; in training, plus the penalties on parameters.
        score: () number of correct predictions in the batch; None if they are not counted.
        hidden: (batch, outputs) what each layer computed, by its name; later functions may have
            overwritten it unless the program keeps it.
    """

    plan: Plan
    x: Tensor
    targets: Tensor
    weights: Tensor
    output: Tensor
    loss: Tensor
    score: Tensor | None
    hidden: dict[str, Tensor]


@dataclass(frozen=True)
class PlacedLayer:
    """A layer in its place: its name in the arena and its widths."""

    name: str
    layer: Layer
    inputs: int
    outputs: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the layer's parameters by name in the arena."""
        shapes = self.layer.shapes(self.inputs)
        return {f"{self.name}/{parameter}": shape for parameter, shape in shapes.items()}

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the layer's state by name in the arena."""
        shapes = self.layer.state_shapes(self.inputs)
        return {f"{self.name}/{each}": shape for each, shape in shapes.items()}

    def frozen(self) -> set[str]:
        """The names in the arena of the parameters that are not trained."""
        return {f"{self.name}/{parameter}" for parameter in self.layer.frozen(self.inputs)}

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        """Record the layer on x's tape. Raises DefinitionError unless the result has the width that
        the layer's `outputs` says."""
        y = self.layer.record(x, parameters)
        if not isinstance(y, Tensor) or y.shape != (*x.shape[:-1], self.outputs):
            found = y.shape if isinstance(y, Tensor) else y
            raise DefinitionError(
                f"{type(self.layer).__name__}: record turns {x.shape} into {found}, but "
                f"outputs({self.inputs}) is {self.outputs}, which makes "
                f"{(*x.shape[:-1], self.outputs)}. Let the two agree."
            )
        return y


class Model:
    """inputs → hidden layers → dense output layer, whose logits `head` describes.

    `plan_training` and `plan_evaluation` build a program for one batch size. All programs share
    the parameters in `arena`. Only those for training round the factors of their matrix products,
    to `matmul_precision`.
    """

    def __init__(
        self,
        hidden: Sequence[Layer],
        inputs: int,
        head: Head,
        loss: Loss,
        dtype: DTypeLike = np.float32,
        backend: Backend | None = None,
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        self.inputs = inputs
        self.matmul_precision = matmul_precision
        self.head = replace(head, activation=loss.activation or head.activation)
        self.loss = loss
        self.layers = list(_placed(hidden, inputs, head.units))
        shapes = {name: shape for layer in self.layers for name, shape in layer.shapes().items()}
        state = {name: s for layer in self.layers for name, s in layer.state_shapes().items()}
        frozen = {name for layer in self.layers for name in layer.frozen()}
        self.arena = Arena(shapes, dtype, backend or NumpyBackend(), state, frozen)

    @property
    def largest_kernel(self) -> int:
        """The number of entries of the largest weight matrix, which determines a step's speed."""
        return max(math.prod(slot.shape) for slot in self.arena.slots.values())

    def initialize(self, random: "np.random.Generator") -> None:
        """Draw the parameters' initial values, layer by layer from the input; reset the state."""
        state, put = self.arena.state_by_name(), self.arena.backend.put
        for placed in self.layers:
            for name, shape in placed.layer.state_shapes(placed.inputs).items():
                state[f"{placed.name}/{name}"][...] = put(placed.layer.initial_state(name, shape))
            for name, shape in placed.layer.shapes(placed.inputs).items():
                values = placed.layer.initial(name, shape, random)
                self.arena.value(f"{placed.name}/{name}")[...] = put(values)

    def projections(self) -> Iterator[Call]:
        """The calls that apply the constraints after an update to what it may have changed."""
        for placed in self.layers:
            for name, constraint in placed.layer.constraints().items():
                if f"{placed.name}/{name}" in self.arena.frozen:
                    continue
                w = self.arena.value(f"{placed.name}/{name}")
                scratch = {
                    each: self.arena.backend.empty(shape, dtype or w.dtype)
                    for each, (shape, dtype) in constraint.scratch(w.shape).items()
                }
                yield Call(constraint.project, w, scratch)

    def plan_training(self, batch_size: int, random: Random) -> Program:
        """A program that runs forward and backward; `random` draws the dropout masks."""
        tape = Tape(self.arena, training=True, matmul_precision=self.matmul_precision)
        return self._program(tape, batch_size, random)

    def plan_evaluation(self, batch_size: int, *, keep_hidden: bool = False) -> Program:
        """A program that runs forward only, without gradient buffers; `keep_hidden`: what the
        layers compute is kept until the next run."""
        tape = Tape(self.arena, training=False)
        return self._program(tape, batch_size, None, keep_hidden=keep_hidden)

    def _program(
        self, tape: Tape, batch_size: int, random: Random | None, *, keep_hidden: bool = False
    ) -> Program:
        head, rows = self.head, batch_size * self.head.rows
        x = tape.input((batch_size, self.inputs))
        by_index, dtype = head.by_index, np.int64 if head.by_index else None
        targets = tape.input((rows,) if by_index else (batch_size, head.units), dtype)
        weights = tape.input((rows,))
        logits = x
        hidden = {}
        for placed in self.layers:
            parameters = {name: tape.parameter(name) for name in placed.shapes()}
            parameters |= {name: tape.state(name) for name in placed.state_shapes()}
            logits = placed.record(logits, below(placed.name, parameters))
            hidden[placed.name] = logits
        if head.rows > 1:
            logits = SplitRows(parts=head.rows)(logits)
        needs_logits_only = tape.training and self.loss.from_logits
        is_identity = isinstance(head.activation, Identity)
        predictions = logits if needs_logits_only or is_identity else head.activation(logits)
        loss = self.loss(logits if self.loss.from_logits else predictions, targets, weights)
        score = head.score(logits, targets) if head.score else None
        output = logits if tape.training else predictions
        for penalty in tape.penalties:
            loss = Add()(loss, penalty)
        kept = hidden.values() if keep_hidden else ()
        plan = Plan(tape, loss if tape.training else None, random, keep=(output, *kept))
        return Program(plan, x, targets, weights, output, loss, score, hidden)


def count_parameters(hidden: Sequence[Layer], inputs: int, outputs: int) -> int:
    """How many parameters such a model has; allocates nothing."""
    return sum(
        math.prod(shape)
        for placed in _placed(hidden, inputs, outputs)
        for shape in placed.shapes().values()
    )


def count_state(hidden: Sequence[Layer], inputs: int, outputs: int) -> int:
    """How many numbers the state of such a model has."""
    return sum(
        math.prod(shape)
        for placed in _placed(hidden, inputs, outputs)
        for shape in placed.state_shapes().values()
    )


def _placed(hidden: Sequence[Layer], inputs: int, units: int) -> Iterator[PlacedLayer]:
    """Number the layers of each kind from 1, and end with the output layer."""
    for name, layer in named(hidden):
        outputs = layer.outputs(inputs)
        yield PlacedLayer(name, layer, inputs, outputs)
        inputs = outputs
    yield PlacedLayer("output", Dense(units=units), inputs, units)

"""A multi-layer perceptron: layers over one arena, and the plans that run it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Call
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.random import Random
from mlptrain.functions.activations import Softmax
from mlptrain.functions.elementwise import Add
from mlptrain.functions.losses import CountCorrect, Loss
from mlptrain.nn.layers import Dense, Layer, below, named


@dataclass(frozen=True)
class Program:
    """A plan and the tensors its user reads and writes.

    Attributes:
        x: (batch, inputs), filled in by the user.
        labels: (batch,) int64 class indices, filled in.
        weights: (batch,) each example's weight in the loss, with sum 1, filled in.
        output: (batch, classes) the logits in training, their softmax in evaluation; the largest
            entry of a row names the predicted class in both.
        loss: () weighted mean over the batch; in training, with the penalties on parameters.
        correct: () how many of the batch are predicted right.
    """

    plan: Plan
    x: Tensor
    labels: Tensor
    weights: Tensor
    output: Tensor
    loss: Tensor
    correct: Tensor


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


class Model:
    """inputs → hidden layers → dense output layer, one logit per class.

    `plan_training` and `plan_evaluation` make a program for one batch size. All of them work on
    the same parameters, in `arena`.
    """

    def __init__(
        self,
        hidden: Sequence[Layer],
        inputs: int,
        classes: int,
        loss: Loss,
        dtype: DTypeLike = np.float32,
        backend: NumpyBackend | None = None,
    ) -> None:
        self.inputs = inputs
        self.classes = classes
        self.loss = loss
        self.layers = list(_placed(hidden, inputs, classes))
        shapes = {name: shape for layer in self.layers for name, shape in layer.shapes().items()}
        self.arena = Arena(shapes, dtype, backend or NumpyBackend())

    @property
    def largest_kernel(self) -> int:
        """The number of entries of the largest matrix: what the speed of a step depends on."""
        return max(math.prod(slot.shape) for slot in self.arena.slots.values())

    def initialize(self, random: np.random.Generator) -> None:
        """Draw the parameters' first values, layer by layer from the input."""
        for placed in self.layers:
            for name, shape in placed.layer.shapes(placed.inputs).items():
                values = placed.layer.initial(name, shape, random)
                self.arena.value(f"{placed.name}/{name}")[...] = values

    def projections(self) -> Iterator[Call]:
        """What holds parameters to their constraints after an update."""
        for placed in self.layers:
            for name, constraint in placed.layer.constraints().items():
                w = self.arena.value(f"{placed.name}/{name}")
                scratch = {
                    each: self.arena.backend.empty(shape, dtype or w.dtype)
                    for each, (shape, dtype) in constraint.scratch(w.shape).items()
                }
                yield Call(constraint.project, w, scratch)

    def plan_training(self, batch_size: int, random: Random) -> Program:
        """A program that runs forward and backward; `random` draws the dropout masks."""
        return self._program(Tape(self.arena, training=True), batch_size, random)

    def plan_evaluation(self, batch_size: int) -> Program:
        """A program that runs forward only, without gradient buffers."""
        return self._program(Tape(self.arena, training=False), batch_size, None)

    def _program(self, tape: Tape, batch_size: int, random: Random | None) -> Program:
        x = tape.input((batch_size, self.inputs))
        labels = tape.input((batch_size,), np.int64)
        weights = tape.input((batch_size,))
        logits = x
        for placed in self.layers:
            parameters = {name: tape.parameter(name) for name in placed.shapes()}
            logits = placed.layer.record(logits, below(placed.name, parameters))
        needs_softmax = not (tape.training and self.loss.from_logits)
        probabilities = Softmax()(logits) if needs_softmax else logits
        loss = self.loss(logits if self.loss.from_logits else probabilities, labels, weights)
        correct = CountCorrect()(logits, labels)
        output = logits if tape.training else probabilities
        for penalty in tape.penalties:
            loss = Add()(loss, penalty)
        plan = Plan(tape, loss if tape.training else None, random, keep=(output,))
        return Program(plan, x, labels, weights, output, loss, correct)


def count_parameters(hidden: Sequence[Layer], inputs: int, classes: int) -> int:
    """How many parameters such a model has; no memory is taken for them."""
    return sum(
        math.prod(shape)
        for placed in _placed(hidden, inputs, classes)
        for shape in placed.shapes().values()
    )


def _placed(hidden: Sequence[Layer], inputs: int, classes: int) -> Iterator[PlacedLayer]:
    """Number the layers of each kind from 1, and end with the output layer."""
    for name, layer in named(hidden):
        outputs = layer.outputs(inputs)
        yield PlacedLayer(name, layer, inputs, outputs)
        inputs = outputs
    yield PlacedLayer("output", Dense(units=classes), inputs, classes)

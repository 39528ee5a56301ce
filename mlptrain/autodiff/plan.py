"""A tape bound to its buffers. Run forward it evaluates; run in reverse it is backpropagation."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mlptrain.autodiff.function import bind
from mlptrain.autodiff.tape import Step, Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.numpy import Array


class Plan:
    """Everything a tape needs to run again and again without allocating.

    Args:
        tape: the program.
        output: the tensor that is differentiated, usually the loss; None for a program that only
            runs forward, which then has no gradient buffers.
        random: the generator for functions that draw numbers.

    Attributes:
        buffers: every array that belongs to the plan: values, gradients, scratch.
    """

    def __init__(self, tape: Tape, output: Tensor | None = None, random: Any = None) -> None:
        self.backend = tape.arena.backend
        self.buffers: list[Array] = []
        self._tape = tape
        self._output = output
        self._forward: list[Callable[[], None]] = []
        self._backward: list[Callable[[], None]] = []
        self._bind_leaves()
        arrays = [self._bind_forward(step, random) for step in tape.steps]
        if output is not None:
            self._bind_backward(output, arrays)

    def forward(self) -> None:
        """The forward pass: evaluate u₀ … uₙ in the order they were recorded."""
        with self.backend.quiet():
            for rule in self._forward:
                rule()

    def backward(self, seed: Array | float = 1.0) -> None:
        """The backward pass: from the gradient `seed` of the output to that of every parameter.

        Needs the values of a forward pass."""
        assert self._output is not None, "the plan was made without an output"
        with self.backend.quiet():
            self._output.gradient[...] = seed
            for rule in self._backward:
                rule()

    def _bind_leaves(self) -> None:
        arena = self._tape.arena
        for tensor in self._tape.inputs:
            tensor.value = self._empty(tensor.shape, tensor.dtype)
        for name, tensor in self._tape.parameters.items():
            tensor.value = arena.value(name)
            tensor.gradient = arena.gradient(name)

    def _bind_forward(self, step: Step, random: Any) -> dict[str, Any]:
        """Give the step its output and scratch; return every array its rules can ask for."""
        function, y = step.function, step.y
        y.value = self._empty(y.shape, y.dtype)
        arrays: dict[str, Any] = {
            name: self._empty(shape, dtype or y.dtype)
            for name, (shape, dtype) in function.scratch(*(x.shape for x in step.xs)).items()
        }
        arrays |= zip(function.inputs(), (x.value for x in step.xs), strict=True)
        arrays |= {"y": y.value, "random": random}
        self._forward.append(bind(function.forward, self.backend.xp, y.value, arrays))
        return arrays

    def _bind_backward(self, output: Tensor, arrays: list[dict[str, Any]]) -> None:
        """Walk the steps in reverse and bind one gradient rule per input that wants one."""
        reached = {id(output)}
        if not output.name:
            output.gradient = self._empty(output.shape, output.dtype)
        for step, step_arrays in zip(reversed(self._tape.steps), reversed(arrays), strict=True):
            if id(step.y) in reached and step.y.wants_gradient:
                self._bind_gradients(step, {**step_arrays, "g": step.y.gradient}, reached)

    def _bind_gradients(self, step: Step, arrays: dict[str, Any], reached: set[int]) -> None:
        xp = self.backend.xp
        for x, rule in zip(step.xs, step.function.gradient_rules(), strict=True):
            if rule is None or not x.wants_gradient:
                continue
            if id(x) not in reached:
                reached.add(id(x))
                if not x.name:  # a parameter's gradient lies in the arena
                    x.gradient = self._empty(x.shape, x.dtype)
                self._backward.append(bind(rule, xp, x.gradient, arrays))
            else:  # x feeds several steps: their contributions add up
                more = self._empty(x.shape, x.dtype)
                self._backward.append(bind(rule, xp, more, arrays))
                self._backward.append(partial(xp.add, x.gradient, more, out=x.gradient))

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        array = self.backend.empty(shape, dtype)
        self.buffers.append(array)
        return array

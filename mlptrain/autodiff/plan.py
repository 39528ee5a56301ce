"""A tape bound to its buffers. Run forward it evaluates; run in reverse it is backpropagation."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import Any

from mlptrain.autodiff.tape import Step, Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array, Bound, Call


class Plan:
    """Everything a tape needs to run again and again without allocating.

    If nothing else reads the input of an in-place function, its output reuses that input's memory,
    and so do the gradients: that memory is still in the cache.

    Args:
        tape: the program.
        output: the tensor that is differentiated, usually the loss; None for a program that only
            runs forward, which then has no gradient buffers.
        random: the random numbers; each stochastic function gets its own.
        keep: tensors that the caller reads after a run; their values are not overwritten.

    Attributes:
        forward_calls: the forward pass, in order.
        backward_calls: the backward pass, from the gradient at the output on.
        buffers: every array that a run writes, and the inputs: values, gradients, scratch.
    """

    def __init__(
        self,
        tape: Tape,
        output: Tensor | None = None,
        random: Any = None,
        keep: Sequence[Tensor] = (),
    ) -> None:
        self.backend = tape.arena.backend
        self.buffers: list[Array] = []
        self._tape = tape
        self._output = output
        kept = keep if output is None else (output, *keep)
        self._in_place = _results_in_place(tape.steps, kept)
        self._give_leaves_their_arrays()
        numbers = count()
        self.forward_calls = [
            self._forward_call(
                step, random.numbered(next(numbers)) if step.function.stochastic else None
            )
            for step in tape.steps
        ]
        self.backward_calls = [] if output is None else self._backward_calls(output)

    def forward(self) -> None:
        """The forward pass: evaluate u₀ … uₙ in the order they were recorded."""
        self._run_forward()

    def backward(self, seed: Array | float = 1.0) -> None:
        """The backward pass: from the gradient `seed` of the output to that of every parameter.

        Needs the values of a forward pass."""
        assert self._output is not None, "the plan was made without an output"
        self._output.gradient[...] = seed
        self._run_backward()

    @cached_property
    def _run_forward(self) -> Bound:
        return self.backend.bind(self.forward_calls)

    @cached_property
    def _run_backward(self) -> Bound:
        return self.backend.bind(self.backward_calls)

    def _give_leaves_their_arrays(self) -> None:
        arena = self._tape.arena
        for tensor in self._tape.inputs:
            tensor.value = self._empty(tensor.shape, tensor.dtype)
        for name, tensor in self._tape.parameters.items():
            tensor.value = arena.value(name)
            tensor.gradient = arena.gradient(name)
        state = arena.state_by_name()
        for name, tensor in self._tape.states.items():
            tensor.value = state[name]

    def _forward_call(self, step: Step, random: Any) -> Call:
        """Allocate the step's output and work arrays, and bind everything its rules can ask for."""
        function, y = step.function, step.y
        if id(y) in self._in_place:
            y.value = step.xs[0].value
        else:
            y.value = self._empty(y.shape, y.dtype)
        shapes = [x.shape for x in step.xs]
        arrays: dict[str, Any] = {
            name: self._empty(shape, dtype or y.dtype)
            for name, (shape, dtype) in function.scratch(*shapes).items()
        }
        arrays |= {
            name: self._constant(array, y.dtype)
            for name, array in function.constants(*shapes).items()
        }
        arrays |= zip(function.inputs(), (x.value for x in step.xs), strict=True)
        return Call(function.forward, y.value, arrays | {"y": y.value, "random": random})

    def _backward_calls(self, output: Tensor) -> list[Call]:
        """Walk the steps in reverse: one gradient rule per input that wants one."""
        calls: list[Call] = []
        reached = {id(output)}
        if not output.name:
            output.gradient = self._empty(output.shape, output.dtype)
        for step, call in zip(
            reversed(self._tape.steps), reversed(self.forward_calls), strict=True
        ):
            if id(step.y) in reached and step.y.wants_gradient:
                arrays = {**call.arrays, "g": step.y.gradient}
                calls += self._gradient_calls(step, arrays, reached)
        return calls

    def _gradient_calls(
        self, step: Step, arrays: dict[str, Any], reached: set[int]
    ) -> Iterator[Call]:
        for x, rule in zip(step.xs, step.function.gradient_rules(), strict=True):
            if rule is None or not x.wants_gradient:
                continue
            if id(x) not in reached:
                reached.add(id(x))
                if id(step.y) in self._in_place:
                    x.gradient = step.y.gradient
                elif not x.name:  # a parameter's gradient lies in the arena
                    x.gradient = self._empty(x.shape, x.dtype)
                yield Call(rule, x.gradient, arrays)
            else:  # x feeds several steps: their contributions add up
                more = self._empty(x.shape, x.dtype)
                yield Call(rule, more, arrays)
                yield Call(accumulate, x.gradient, {"more": more})

    def _constant(self, array: Array, dtype: Any) -> Array:
        """`array` copied to the backend's memory, floating-point numbers as `dtype`."""
        is_floating = array.dtype.kind == "f"
        constant = self.backend.empty(array.shape, dtype if is_floating else array.dtype)
        constant[...] = self.backend.put(array)
        return constant

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        array = self.backend.empty(shape, dtype)
        self.buffers.append(array)
        return array


def _results_in_place(steps: list[Step], kept: Sequence[Tensor]) -> set[int]:
    """The ids of the results that reuse their input's memory: the function works in place, and its
    input is another step's result that nothing else reads and that is not `kept` for the caller."""
    uses = Counter(id(x) for step in steps for x in step.xs)
    uses.update(map(id, kept))
    free = {id(step.y) for step in steps if uses[id(step.y)] == 1 and not step.function.needs_y()}
    return {id(step.y) for step in steps if step.function.in_place and id(step.xs[0]) in free}


def accumulate(xp: Any, out: Array, more: Array) -> None:
    """out ← out + more."""
    xp.add(out, more, out=out)

"""Every registered function: its rules against central differences, and what rules promise."""

import tracemalloc
from collections.abc import Iterator
from functools import wraps
from typing import Any

import numpy as np
import pytest
from function_cases import (
    ALL,
    COUNTS,
    IDS,
    IN_PLACE,
    IN_PLACE_IDS,
    MODULES,
    NOT_DIFFERENTIABLE,
    STEPS,
    Run,
    arrays,
    variants,
)

from mlptrain.autodiff.function import Function, functions
from mlptrain.autodiff.gradcheck import function_error, gradient_error
from mlptrain.autodiff.tensor import Tensor
from mlptrain.functions.elementwise import Add

SIZES = [
    {"batch": 3, "n": 4, "units": 2},
    {"batch": 1, "n": 4, "units": 3},
    {"batch": 5, "n": 1, "units": 4},
    {"batch": 4, "n": 3, "units": 1},
    {"batch": 1, "n": 1, "units": 1},
    {"batch": 6, "n": 7, "units": 5},
]
DIFFERENTIABLE = [(name, number) for name, number in ALL if name not in COUNTS]
DIFFERENTIABLE_IDS = [f"{name}-{number}" for name, number in DIFFERENTIABLE]


def error(name: str, function: Function, sizes: dict[str, int], seed: int) -> float:
    return function_error(function, arrays(name, sizes, seed))


def has_name(definition: type[Function]) -> bool:
    field = definition.model_fields.get("type")
    return field is not None and not field.is_required()


def test_the_functions_of_every_module_are_here() -> None:
    """A definition that forgets `@functions.register` would miss all tests below."""
    found = {
        each
        for module in MODULES
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Function) and has_name(each)
    }
    assert found == {*functions.definitions(), *STEPS}


@pytest.mark.parametrize(("name", "number"), DIFFERENTIABLE, ids=DIFFERENTIABLE_IDS)
def test_gradients_are_those_of_central_differences(name: str, number: int) -> None:
    function = variants(name)[number]
    for seed, sizes in enumerate(SIZES):
        assert error(name, function, sizes, seed) < 1e-7, sizes


@pytest.mark.parametrize("name", [name for name in functions if name not in COUNTS])
def test_a_rule_that_is_a_thousandth_off_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = variants(name)[0]
    for x in set(function.inputs()) - NOT_DIFFERENTIABLE:
        right = getattr(type(function), f"gradient_{x}")

        @wraps(right)
        def wrong(self: Function, xp: Any, out: Any, *given: Any, right: Any = right) -> None:
            right(self, xp, out, *given)
            xp.multiply(out, 1.001, out=out)

        with monkeypatch.context() as patch:
            patch.setattr(type(function), f"gradient_{x}", wrong)
            assert error(name, function, SIZES[0], 0) > 1e-4, x
        assert error(name, function, SIZES[0], 0) < 1e-7


@pytest.mark.parametrize("name", list(functions))
def test_targets_labels_and_weights_have_no_gradient(name: str) -> None:
    definition = functions[name]
    rules = {x for x in definition.inputs() if hasattr(definition, f"gradient_{x}")}
    wanted = set() if name in COUNTS else set(definition.inputs()) - NOT_DIFFERENTIABLE
    assert rules == wanted


@pytest.mark.parametrize("name", list(functions))
def test_every_gradient_rule_is_for_an_input_and_says_its_derivative(name: str) -> None:
    definition = functions[name]
    for attribute in dir(definition):
        if attribute.startswith("gradient_") and attribute != "gradient_rules":
            assert attribute.removeprefix("gradient_") in definition.inputs()
            assert getattr(definition, attribute).__doc__, f"{name}.{attribute}"


@pytest.mark.parametrize(("name", "number"), ALL, ids=IDS)
def test_rules_never_change_what_they_read(name: str, number: int) -> None:
    """Inputs, y and g have the same bits after every rule; only scratch may be written."""
    run = Run(variants(name)[number], arrays(name, SIZES[0], 1))
    run.y.gradient[...] = 0.7
    read = {f"value of {x}": tensor.value for x, tensor in run.xs.items()}
    before = {name: array.copy() for name, array in read.items()}
    run.plan.forward()
    read |= {"y": run.y.value, "g": run.y.gradient}
    before |= {"y": run.y.value.copy(), "g": run.y.gradient.copy()}
    run.plan.backward(0.7)
    for what, array in read.items():
        np.testing.assert_array_equal(array, before[what], err_msg=what)


@pytest.mark.parametrize(("name", "number"), ALL, ids=IDS)
def test_gradient_rules_give_the_same_whichever_ran_before(name: str, number: int) -> None:
    """A second backward pass without a forward pass in between: rules that share scratch must not
    spoil what another one reads."""
    run = Run(variants(name)[number], arrays(name, SIZES[0], 2))
    first = {x: g.copy() for x, g in run.gradients(0.7).items()}
    run.plan.backward(0.7)
    for x, g in first.items():
        np.testing.assert_array_equal(run.arena.gradient(x), g)


@pytest.mark.parametrize(("name", "number"), IN_PLACE, ids=IN_PLACE_IDS)
def test_functions_that_work_in_place_are_right_there(name: str, number: int) -> None:
    """Between sums, which leave them their memory, and whose gradients are theirs."""
    function = variants(name)[number]
    parameters = arrays("add", SIZES[5], 5)
    results: list[Tensor] = []

    def program(a: Tensor, b: Tensor) -> Tensor:
        results.extend((x := Add()(a, b), y := function(x)))
        return Add()(y, b)

    assert gradient_error(program, parameters, {}) < 1e-7
    x, y = results
    assert y.value is x.value
    assert y.gradient is x.gradient


@pytest.fixture
def small_buffers() -> Iterator[None]:
    """NumPy casts through buffers of 8,192 elements; of 64 here, so that they hide nothing."""
    before = np.setbufsize(64)
    yield
    np.setbufsize(before)


def peak_bytes(run: Run) -> int:
    """The most bytes in use at once during a forward and a backward pass, beyond those before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        run.plan.forward()
        run.plan.backward()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize(("name", "number"), ALL, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rules_allocate_nothing_that_grows(name: str, number: int, dtype: type) -> None:
    """The smallest array of a function here, a row, has 8,000 bytes or 4,000."""
    sizes = {"batch": 1000, "n": 100, "units": 1000}
    run = Run(variants(name)[number], arrays(name, sizes, 3, dtype))
    run.gradients()
    # the least of three: other threads of the test runner allocate now and then
    assert min(peak_bytes(run) for _ in range(3)) < 3500


@pytest.mark.parametrize(("name", "number"), ALL, ids=IDS)
def test_results_have_the_type_of_the_inputs(name: str, number: int) -> None:
    function = variants(name)[number]
    results = {}
    for dtype in (np.float32, np.float64):
        run = Run(function, arrays(name, SIZES[5], 4, dtype))
        gradients = run.gradients()
        assert {each.dtype for each in (run.y.value, *gradients.values())} == {np.dtype(dtype)}
        results[dtype] = [run.y.value, *gradients.values()]
    if not function.stochastic:
        for single, double in zip(results[np.float32], results[np.float64], strict=True):
            np.testing.assert_allclose(single, double, rtol=1e-4, atol=3e-6)

"""Matrix products of factors rounded to bfloat16: the rounding, the rules, and the programs that
use them."""

from typing import Any

import numpy as np
import pytest
from rounding import near

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.tape import Tape
from mlptrain.backend.call import Call
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import Softmax
from mlptrain.functions.losses import CrossEntropy
from mlptrain.functions.rounded import RoundedLinear, RoundedMatMul
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model

BF16: Any = {"matmul_precision": "bfloat16"}


def test_rounding_is_that_of_ml_dtypes() -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    upper = np.arange(1 << 16, dtype=np.uint32) << 16  # every bfloat16, and what is close to each
    lower = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)
    x = (upper[:, None] | lower).view(np.float32)
    with np.errstate(invalid="ignore"):
        wanted = x.astype(bfloat16).astype(np.float32)
    found = near(x)
    assert (np.isnan(found) == np.isnan(x)).all()
    numbers = ~np.isnan(x)
    np.testing.assert_array_equal(found.view(np.uint32)[numbers], wanted.view(np.uint32)[numbers])


def test_factors_are_rounded_and_sums_are_not() -> None:
    random = np.random.default_rng(0)
    x, w, g = (random.normal(size=s).astype(np.float32) for s in ((9, 33), (33, 7), (9, 7)))
    b, functions = np.float32([1 / 3]).repeat(7), (RoundedLinear(), RoundedMatMul())
    for function in functions:
        shapes = [x.shape, w.shape, b.shape][: len(function.inputs())]
        room = np.full(function.scratch(*shapes)["room"].shape, np.nan, np.float32)
        arrays = {"x": x, "w": w, "b": b, "g": g, "room": room}
        y = near(x).astype(float) @ near(w)
        y += b if "b" in function.inputs() else 0
        exact = {
            function.forward: y,
            function.gradient_x: near(g).astype(float) @ near(w).T,
            function.gradient_w: near(x).astype(float).T @ near(g),
        }
        for rule, wanted in exact.items():
            out = np.full(wanted.shape, np.nan, np.float32)
            NumpyBackend().bind([Call(rule, out, arrays)])()
            np.testing.assert_allclose(out, wanted, rtol=0, atol=5e-6)
            assert (near(out) != out).any()


def test_only_programs_for_training_round() -> None:
    logits = {}
    for precision in ("float32", "bfloat16"):
        model = Model(
            [], 90, Head(10, Softmax()), CrossEntropy(), np.float32, NumpyBackend(), precision
        )
        model.initialize(np.random.default_rng(0))
        for program in (model.plan_training(4, None), model.plan_evaluation(4)):
            program.x.value[...] = np.random.default_rng(1).normal(size=(4, 90))
            program.targets.value[...], program.weights.value[...] = 0, 0.25
            program.plan.forward()
            logits[precision, program.output.wants_gradient] = program.hidden["output"].value.copy()
        kernel = model.arena.value("output/kernel")
        x = program.x.value
    np.testing.assert_array_equal(logits["bfloat16", False], logits["float32", False])
    np.testing.assert_array_equal(logits["bfloat16", True], near(x) @ near(kernel))
    assert np.abs(logits["float32", True] - logits["bfloat16", True]).max() > 1e-4


def test_layers_without_bias_round_too() -> None:
    tape = Tape(Arena({"kernel": (4, 3)}, np.float32, NumpyBackend()), training=True, **BF16)
    Dense(units=3, use_bias=False).record(tape.input((2, 4)), {"kernel": tape.parameter("kernel")})
    assert type(tape.steps[0].function) is RoundedMatMul


def test_a_precision_that_the_backend_lacks_is_refused() -> None:
    backend = NumpyBackend()
    with pytest.raises(ValueError, match=r"products of float64 in the numpy backend have float32$"):
        Tape(Arena({}, np.float64, backend), training=True, **BF16)
    backend.matmul_precisions = ("float32",)
    with pytest.raises(ValueError, match=r"bfloat16: .* backend have float32$"):
        Tape(Arena({}, np.float32, backend), training=True, **BF16)

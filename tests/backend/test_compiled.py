"""Programs of compiled kernels: the threads that share them, and errors if there are none."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
from compiled_backend import RACES, compiled_backend, on_threads
from stepping import Updates

from mlptrain.autodiff.arena import Arena
from mlptrain.backend import compiled
from mlptrain.backend.call import Bound
from mlptrain.backend.compiled import CompiledBackend, UnavailableError
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.operations import Operation
from mlptrain.backend.protocol import Backend
from mlptrain.functions.activations import GELU, ReLU, Softmax, Tanh
from mlptrain.functions.losses import CountCorrect, CrossEntropy
from mlptrain.nn.layers import Dense, Dropout, Layer
from mlptrain.nn.model import Head, Model, Program
from mlptrain.optim.optimizers import Adam

compiled_backend()  # skips this module if there are no kernels

LAYERS = [
    Dense(units=150, activation=ReLU()),
    Dropout(rate=0.2),
    Dense(units=90, activation=GELU()),
    Dense(units=70, activation=Tanh(), use_bias=False),
]
ALL_COMPILED = [
    Dense(units=50, activation=ReLU()),
    Dropout(rate=0.2),
    Dense(units=60, activation=Tanh()),
    Dense(units=70),
]
HEAD = Head(10, Softmax(), score=CountCorrect())


class Training:
    """A small network on random data, trained step by step."""

    def __init__(self, backend: Backend, layers: list[Layer] = LAYERS, batch: int = 64) -> None:
        self.model = Model(layers, 100, HEAD, CrossEntropy(label_smoothing=0.1), backend=backend)
        self.model.initialize(np.random.default_rng(0))
        step = np.zeros(1, np.int64)
        self.program: Program = self.model.plan_training(batch, backend.random(1, 0, step))
        self.updater = Updates(Adam(), self.model.arena)
        random = np.random.default_rng(2)
        self.program.x.value[...] = random.normal(size=self.program.x.shape)
        self.program.targets.value[...] = random.integers(0, 10, batch)
        self.program.weights.value[...] = 1 / batch

    def steps(self, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            self.program.plan.forward()
            self.program.plan.backward()
            self.updater.update(1e-3)
            losses.append(float(self.program.loss.value))
        return losses


@RACES
@pytest.mark.parametrize("layers", [LAYERS, ALL_COMPILED])
def test_training_matches_the_plain_rules(layers: list[Layer]) -> None:
    for threads in (1, 2, 3):
        found = Training(compiled_backend(threads), layers)
        wanted = Training(NumpyBackend(), layers)
        np.testing.assert_allclose(found.steps(30), wanted.steps(30), rtol=1e-4)
        scale = np.abs(wanted.model.arena.values).max()
        difference = np.abs(found.model.arena.values - wanted.model.arena.values).max()
        assert difference < 1e-3 * scale
        assert found.program.score.value == wanted.program.score.value


@pytest.mark.parametrize("layers", [LAYERS, ALL_COMPILED])
@pytest.mark.parametrize("threads", on_threads(1, 2, 3, 8))
def test_thread_timing_does_not_change_the_result(threads: int, layers: list[Layer]) -> None:
    """Which thread runs a task, and when, varies between runs; the bits do not."""
    first, second = (Training(compiled_backend(threads), layers) for _ in range(2))
    assert first.steps(300) == second.steps(300)
    np.testing.assert_array_equal(first.model.arena.values, second.model.arena.values)


@RACES
def test_python_threads_can_run_programs_concurrently() -> None:
    shared = compiled_backend(2)
    wanted = Training(shared).steps(100)
    results: list[list[float]] = []
    trainings = [Training(shared) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda each=each: results.append(each.steps(100)))
        for each in trainings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [wanted] * 4


class WatchedBackend(CompiledBackend):
    """Records the kernels of each program."""

    def __init__(self) -> None:
        super().__init__()
        self.programs: list[list[str]] = []

    def _program(self, steps: Sequence[Operation]) -> Bound:
        self.programs.append([each.kernel for each in steps])
        return super()._program(steps)


def test_rules_without_a_kernel_run_between_the_programs() -> None:
    watched = WatchedBackend()
    Model(LAYERS, 100, HEAD, CrossEntropy(), backend=watched).plan_evaluation(64).plan.forward()
    assert [len(program) for program in watched.programs] == [3, 8]  # gelu has no kernel
    assert watched.programs[0] == [
        "matrix_product_float32",
        "relu_float32",
        "matrix_product_float32",
    ]


def test_threads_own_rows_of_weights_if_there_are_fewer_sums_than_weights() -> None:
    for batch, kernels in ((64, ["matrix_product", "sum_up"]), (400, ["matrix_product"])):
        watched = WatchedBackend()
        watched.use_threads(2)
        Model(LAYERS[:1], 500, HEAD, CrossEntropy(), backend=watched).plan_evaluation(
            batch
        ).plan.forward()
        names = [f"{kernel}_float32" for kernel in (*kernels, "relu")]
        assert watched.programs[0][: len(names)] == names


@RACES
@pytest.mark.slow
def test_forked_children_train_alone() -> None:
    """Threads do not survive a fork. Each fork happens at another moment while they wake up or fall
    asleep; the child's only thread then does all of the work."""
    code = """
import os, sys, time
from test_compiled import Training, compiled_backend
training = Training(compiled_backend(4))
for delay in range(40):
    training.steps(1)
    time.sleep(delay * 1e-4)
    pid = os.fork()
    losses = training.steps(2)
    if pid == 0:
        os._exit(len(losses))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
"""
    run_python(code)


@pytest.mark.slow
@RACES
def test_a_forked_child_can_start_its_own_threads() -> None:
    code = """
import os
from test_compiled import Training, compiled_backend
wanted = Training(compiled_backend(3)).steps(2)
pid = os.fork()
if pid == 0:
    compiled_backend(1)  # the BLAS starts its threads again
    threads = len(os.listdir("/proc/self/task"))
    backend = compiled_backend(3)
    started = len(os.listdir("/proc/self/task")) - threads
    os._exit(started if Training(backend).steps(2) == wanted else 9)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
"""
    run_python(code)


def run_python(code: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=environment, check=True, timeout=600)


def test_without_a_library_the_error_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._library.cache_clear()
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="takes a C compiler"):
        CompiledBackend()


def test_a_library_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._library.cache_clear()
    monkeypatch.setattr(compiled, "LAYOUT", 99)
    with pytest.raises(UnavailableError, match="another version"):
        CompiledBackend()


def test_a_library_that_cannot_be_loaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._library.cache_clear()
    spec = ModuleSpec("_kernels", None, origin=__file__)  # not a library
    monkeypatch.setattr(compiled, "find_spec", lambda _: spec)
    with pytest.raises(UnavailableError, match="cannot be loaded"):
        CompiledBackend()


def test_a_blas_without_cblas_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._library.cache_clear()
    monkeypatch.setattr(compiled, "numpy_blas", lambda: None)
    with pytest.raises(UnavailableError, match="no cblas_sgemm"):
        CompiledBackend()


@pytest.fixture(autouse=True)
def forget_the_library() -> object:
    yield
    compiled._library.cache_clear()


@pytest.mark.parametrize("real", [ctypes.c_float, ctypes.c_double])
def test_a_blas_with_32_bit_sizes(real: type[ctypes.c_float | ctypes.c_double]) -> None:
    """`matrix_product` passes sizes of as many bits as the BLAS's function declares."""
    library = compiled._library()
    seen: list[tuple[float, ...]] = []
    kinds = [ctypes.c_int] * 3 + [ctypes.c_int32] * 3 + [real, ctypes.c_void_p]
    kinds += [ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, real, ctypes.c_void_p]

    @ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int32)
    def gemm(*arguments: float) -> None:
        seen.append(arguments)

    dtype = np.dtype(real)
    model = Model([], 100, HEAD, CrossEntropy(), dtype, compiled_backend(1))
    try:
        use = getattr(library, f"use_gemm_{dtype.name}")
        use(ctypes.cast(gemm, ctypes.c_void_p), 32)
        model.plan_evaluation(5).plan.forward()
    finally:
        for use, *blas in compiled._gemms(library):
            use(*blas)
    (order, _, _, m, n, k, alpha, _, lda, _, ldb, beta, _, ldc), *others = seen
    assert (order, m, n, k, alpha, beta, others) == (101, 5, 10, 100, 1, 0, [])
    assert (lda, ldb, ldc) == (100, 10, 10)


def test_each_dtype_has_its_own_kernels() -> None:
    for dtype, programs in ((np.float32, [["adam_float32"]]), (np.float64, [["adam_float64"]])):
        watched = WatchedBackend()
        Updates(Adam(), Arena({"b": (5,)}, dtype, watched))
        assert watched.programs == programs

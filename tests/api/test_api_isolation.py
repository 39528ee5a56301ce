"""What using mlptrain in a program must not do to that program."""

import gc
import os
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import mlptrain
from mlptrain.errors import DataError

X = np.random.default_rng(0).standard_normal((60, 3))
Y = (X.sum(axis=1) > 0).astype(int)
CONFIG = {"model": {"hidden_layers": [16]}, "training": {"epochs": 3}}
DIGITS = Path(__file__).parents[2] / "data/digits/test"


def blas() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def state() -> dict[str, Any]:
    """What all of a process shares."""
    return {
        "BLAS threads": blas(),
        "warnings": list(warnings.filters),
        "collector": (gc.isenabled(), gc.get_freeze_count()),
        "signals": [signal.getsignal(each) for each in signal.valid_signals()],
        "environment": dict(os.environ),
        "errors of NumPy": np.geterr(),
        "hooks": (sys.excepthook, sys.unraisablehook, sys.stdout, sys.stderr),
        "folder": os.getcwd(),  # noqa: PTH109
    }


def use(digits: Path) -> None:
    """Everything that a program can do."""
    mlptrain.fit(CONFIG, X, Y)
    with pytest.raises(DataError):
        mlptrain.fit(CONFIG, X)
    model = mlptrain.load(digits)
    model.predict(DIGITS / "7")
    model.predict(np.zeros((2, 8, 8), np.uint8))
    model.evaluate()
    with pytest.raises(DataError):
        model.predict(DIGITS / "none")


def test_nothing_that_the_process_shares_is_changed(
    digits: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    use(digits)  # what is imported now leaves its own traces
    with threadpool_limits(2, user_api="blas"):
        before = state()
        use(digits)
        assert state() == before
    assert capfd.readouterr() == ("", "")


def test_threads_share_a_model_and_have_their_own(digits: Path) -> None:
    shared = mlptrain.load(digits)
    random = np.random.default_rng(0)
    inputs = [random.integers(0, 256, (n, 8, 8)).astype(np.uint8) for n in range(1, 25)]
    wanted = [shared.predict(x).values for x in inputs]
    before = blas()

    def predict(index: int) -> np.ndarray:
        model = shared if index % 3 else mlptrain.load(digits)
        return model.predict(inputs[index]).values

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(predict, range(len(inputs))))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert blas() == before


def test_threads_can_train_at_once() -> None:
    """With as many threads of their own as there are cores."""
    seeds = [{**CONFIG, "seed": seed} for seed in range(8)]
    wanted = [mlptrain.fit(each, X, Y).model.weights["output/kernel"] for each in seeds]
    before = blas()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: mlptrain.fit(each, X, Y).model.weights, seeds))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one["output/kernel"], other)
    assert blas() == before


def test_a_fork_can_train() -> None:
    wanted = mlptrain.fit(CONFIG, X, Y).model.weights["output/kernel"]
    child = os.fork()
    if child == 0:
        found = mlptrain.fit(CONFIG, X, Y).model.weights["output/kernel"]
        os._exit(0 if np.array_equal(found, wanted) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_can_use_the_model_of_its_parent(digits: Path) -> None:
    model, x = mlptrain.load(digits), np.zeros((300, 8, 8), np.uint8)
    wanted = model.evaluate(x[:20], ["0"] * 20), model.predict(x).values
    child = os.fork()
    if child == 0:
        same = model.evaluate(x[:20], ["0"] * 20) == wanted[0]
        os._exit(0 if same and np.array_equal(model.predict(x).values, wanted[1]) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(model.predict(x).values, wanted[1])


def modules(program: str) -> set[str]:
    """The modules that a process has loaded after `program`."""
    shown = f"import sys\n{program}\nprint(*sys.modules)"
    command = [sys.executable, "-I", "-c", f"sys_path = None\n{shown}"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.slow
def test_import_loads_nothing_else() -> None:
    assert modules("import mlptrain") - modules("pass") == {"mlptrain"}
    errors = modules("import mlptrain; mlptrain.errors.DataError")
    assert not errors & {"numpy", "pydantic", "rich", "yaml", "typer"}
    loaded = modules("import mlptrain; mlptrain.load")
    assert "numpy" in loaded
    assert not loaded & {"rich", "typer", "mlptrain.cli"}
    assert not modules("import mlptrain; mlptrain.fit") & {"typer", "click", "IPython"}


def test_what_is_offered_is_there() -> None:
    assert all(hasattr(mlptrain, name) for name in mlptrain.__all__)
    with pytest.raises(AttributeError, match="module 'mlptrain' has no attribute 'lod'"):
        _ = mlptrain.lod  # type: ignore[attr-defined]


@pytest.mark.slow
def test_python_m_mlptrain_is_the_command_line() -> None:
    command = [sys.executable, "-m", "mlptrain", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == f"mlptrain {mlptrain.__version__}\n"


@pytest.mark.slow
def test_type_checkers_see_the_types(tmp_path: Path) -> None:
    assert (Path(mlptrain.__file__).parent / "py.typed").exists()
    (tmp_path / "program.py").write_text(
        "import mlptrain\n"
        "from mlptrain import load\n"
        'accuracy: str = load("run").class_names\n'
        "reveal_type(mlptrain.load)\n"
        "mlptrain.errors.DataError\n"
        "mlptrain.lode\n"
    )
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py"],
        check=False, cwd=tmp_path, env={**os.environ, "MYPYPATH": root},
        capture_output=True, text=True,
    )  # fmt: skip
    assert "-> mlptrain.api.model.Model" in ended.stdout
    assert 'has no attribute "lode"' in ended.stdout
    assert ended.stdout.count("error:") == 2, ended.stdout

"""scikit-learn's own tests of its perceptrons, and its checks of estimators, with ours."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import check_estimator

import mlptrain.sklearn

MODULES = ("test_mlp", "test_base", "test_stochastic_optimizers")
# calls the private method _loss_grad_lbfgs
PRIVATE = {"test_gradient"}


@pytest.mark.slow
def test_their_tests_pass(tmp_path: Path) -> None:
    """All but one, which calls a private method of theirs."""
    tests = [f"sklearn.neural_network.tests.{module}" for module in MODULES]
    command = [sys.executable, "-m", "pytest", "-p", "replaced", "-p", "no:cacheprovider"]
    command += ["-rA", "--pyargs", *tests]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    outcomes = re.findall(r"^(PASSED|FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE)
    assert {name for how, name in outcomes if how != "PASSED"} == PRIVATE, done.stdout
    assert sum(how == "PASSED" for how, _ in outcomes) >= 66, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.filterwarnings("ignore")
def test_their_checks_pass(kind: str) -> None:
    """They skip some, as they do for scikit-learn's own."""
    results = check_estimator(getattr(mlptrain.sklearn, kind)(), on_fail=None, on_skip=None)
    outcomes = Counter(result["status"] for result in results)
    assert outcomes["failed"] == outcomes["xfail"] == 0, results
    assert outcomes["passed"] >= 50

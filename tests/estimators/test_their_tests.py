"""scikit-learn's own tests of its perceptrons, and its checks of estimators, with ours."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sklearn.neural_network
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
def test_their_checks_have_the_same_outcomes(kind: str) -> None:
    ours, theirs = (
        {
            result["check_name"]: result["status"]
            for result in check_estimator(getattr(library, kind)(), on_fail=None, on_skip=None)
        }
        for library in _libraries()
    )
    assert ours == theirs
    assert "failed" not in ours.values()
    assert len(ours) >= 40


def _libraries() -> tuple[Any, Any]:
    return mlptrain.sklearn, sklearn.neural_network

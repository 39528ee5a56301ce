"""Our estimators give scikit-learn's numbers, up to rounding."""

import numpy as np
import pytest
from equality import SOLVERS, Case, difference, every_case, fitted

import mlptrain.sklearn

CASES = list(every_case())
LIMITS = {"float64": 1e-6, "float32": 1e-5}


def is_steady(case: Case) -> bool:
    """Whether rounding stays small: after a few iterations of L-BFGS in float32, scikit-learn's
    own results differ by 1e-3 between two kernels of its BLAS."""
    return SOLVERS[case.solver]["solver"] != "lbfgs" or case.precision == "float64"


@pytest.mark.parametrize("case", CASES[::211], ids=str)
def test_a_few_cases(case: Case) -> None:
    if is_steady(case):
        assert difference(case) <= LIMITS[case.precision]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(4))
def test_many_cases(first: int) -> None:
    far = {
        str(case): apart
        for case in CASES[first::184]
        if is_steady(case)
        for apart in [difference(case)]
        if not apart <= LIMITS[case.precision]
    }
    assert not far


@pytest.mark.slow
def test_lbfgs_in_float32_ends_with_as_low_a_loss() -> None:
    """Each step there is decided by the last digits of the loss."""
    kinds = {False: "MLPClassifier", True: "MLPRegressor"}
    import sklearn.neural_network

    for case in CASES[::97]:
        if is_steady(case):
            continue
        kind = kinds[case.data in ("diabetes", "linnerud")]
        ours, theirs = (
            fitted(getattr(each, kind)(**case.settings()), case).loss_
            for each in (mlptrain.sklearn, sklearn.neural_network)
        )
        assert ours == pytest.approx(theirs, rel=0.02, abs=1e-5), case


def test_another_seed_is_seen() -> None:
    """So that the comparison can fail."""
    case = CASES[0]
    one, other = (
        fitted(mlptrain.sklearn.MLPClassifier(**{**case.settings(), "random_state": seed}), case)
        for seed in (3, 4)
    )
    assert np.abs(one.outputs - other.outputs).max() > 1e-3

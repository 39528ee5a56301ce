"""McNemar's exact test gives scipy's p-values, however many predictions changed sides."""

import pytest
from scipy.stats import binomtest

from mlptrain.comparison.significance import mcnemar


@pytest.mark.parametrize(
    ("lost", "gained"), [(0, 0), (1, 0), (0, 5), (3, 9), (9, 3), (7, 7), (400, 470), (0, 2000)]
)
def test_p_values_are_scipys(lost: int, gained: int) -> None:
    wanted = binomtest(lost, lost + gained, 0.5).pvalue if lost + gained else 1
    assert mcnemar(lost, gained) == pytest.approx(wanted, rel=1e-9, abs=0)

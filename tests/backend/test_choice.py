"""The number of threads that compute."""

import pytest

from mlptrain.backend.choice import SMALL_PRODUCT, Threads, set_threads
from mlptrain.backend.cores import usable_cores
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.training.environment import report

CORES = usable_cores()


@pytest.mark.parametrize(
    ("wanted", "threads"),
    [(1, 1), (CORES, CORES), (CORES + 1, CORES), (1024, CORES), ("auto", CORES)],
)
def test_there_are_never_more_threads_than_cores(wanted: Threads, threads: int) -> None:
    assert set_threads(NumpyBackend(), wanted) == threads


def test_small_products_use_one_blas_thread() -> None:
    assert set_threads(NumpyBackend(), "auto", SMALL_PRODUCT - 1) == 1
    assert set_threads(NumpyBackend(), CORES, SMALL_PRODUCT - 1) == CORES


def test_counts_are_reported_as_numbers() -> None:
    found = report()
    assert {name for name, value in found.items() if isinstance(value, int)} == {
        "processors",
        "cores",
        "threads",
    }

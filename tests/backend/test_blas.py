"""The threads of the BLAS are set from any thread, and given back."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mlptrain.backend.blas import blas_threads_kept, numpy_blas, use_blas_threads


def blas() -> set[int]:
    """The threads of NumPy's BLAS."""
    numpys = (each for each in threadpool_info() if "numpy" in each["filepath"])
    return {each["num_threads"] for each in numpys if each["user_api"] == "blas"}


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.parametrize("held", [False, True])
def test_every_thread_can_set_them(held: bool) -> None:
    """Also while another thread has a limit of its own."""
    found = []

    def work() -> None:
        with blas_threads_kept:
            use_blas_threads(1)
            found.append(blas())

    before = blas()
    use_blas_threads(2)
    if held:
        with threadpool_limits(2, user_api="blas"):
            in_a_thread(work)
    else:
        in_a_thread(work)
    assert (found, blas()) == ([{1}], {2})
    use_blas_threads(*before)


def test_the_last_of_several_contexts_gives_them_back() -> None:
    with threadpool_limits(2, user_api="blas"):
        with blas_threads_kept:
            with blas_threads_kept:
                use_blas_threads(1)
            assert blas() == {1}
        assert blas() == {2}


@pytest.mark.slow
def test_numpys_blas_is_told_from_scipys() -> None:
    """SciPy's wheels bring an OpenBLAS of their own, which may be loaded first."""
    program = (
        "import numpy, scipy.linalg\n"
        "from mlptrain.backend.blas import numpy_blas\n"
        "print(numpy_blas()['filepath'])"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    own = numpy_blas()
    assert own is not None
    assert found == own["filepath"]
    assert "numpy" in found

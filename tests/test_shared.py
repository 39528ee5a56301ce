"""Contexts that several threads are in at once."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlptrain.shared import SharedContext, warnings_ignored


def test_the_first_enters_and_the_last_leaves() -> None:
    log = []

    @contextmanager
    def logged() -> Iterator[None]:
        log.append("in")
        yield
        log.append("out")

    shared, inside, leave = SharedContext(logged), threading.Event(), threading.Event()

    def other() -> None:
        with shared:
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other, daemon=True)
    with shared:
        thread.start()
        inside.wait()
        assert log == ["in"]
    assert log == ["in"]
    leave.set()
    thread.join()
    assert log == ["in", "out"]
    with shared:
        assert log == ["in", "out", "in"]


def fail() -> None:
    with warnings_ignored:
        warnings.warn("unheard", stacklevel=1)
        raise KeyError


def test_an_error_leaves_it() -> None:
    before = list(warnings.filters)
    with pytest.raises(KeyError):
        fail()
    assert warnings.filters == before
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)

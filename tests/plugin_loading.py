"""Plug-ins in the process of the tests, for one test at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mlptrain import plugins
from mlptrain.registry import rolled_back_on_error


class _UndoneError(Exception):
    pass


@contextmanager
def forgotten() -> Iterator[None]:
    """What plug-ins register while it lasts is forgotten at its end, and so are they."""
    before = dict(plugins._LOADED)
    with suppress(_UndoneError), rolled_back_on_error():
        try:
            yield
        finally:
            plugins._LOADED.clear()
            plugins._LOADED.update(before)
        raise _UndoneError

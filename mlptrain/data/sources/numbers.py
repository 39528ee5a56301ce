"""The files of numbers that a trained model can predict from."""

from pathlib import PurePath

from mlptrain.data.sources.npy import Npy
from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.source import Source
from mlptrain.data.sources.table import Table
from mlptrain.errors import DataError
from mlptrain.text import show_path


def number_source(path: str) -> Source:
    """The source for the file `path`, chosen by its name: a table or arrays. Raises DataError for
    any other file."""
    if not may_hold_numbers(path):
        raise DataError(
            f"{show_path(path)}: the model was trained on numbers. "
            "Name a .csv table, a .npy or an .npz file."
        )
    suffix = PurePath(path).suffix.lower()
    if suffix == ".csv":
        return Table(path=path)
    return Npy(inputs=path) if suffix == ".npy" else Npz(path=path)


def may_hold_numbers(path: str) -> bool:
    """Whether `path` is named like a table or a file of arrays."""
    return PurePath(path).suffix.lower() in (".csv", ".npy", ".npz")

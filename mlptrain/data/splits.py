"""Holding out a part of the examples, with every class in both parts."""

import numpy as np
from numpy.typing import NDArray

from mlptrain.errors import DataError
from mlptrain.text import show_name


def stratified_split(
    labels: NDArray[np.int64],
    fraction: float,
    random: np.random.Generator,
    class_names: tuple[str, ...],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the kept and of the held-out examples, both ascending.

    Of each class `fraction`, in (0, 1), is held out: rounded down or up so that the total is as
    near to `fraction * n` as can be (largest remainder), but at least 1 and not all. Which ones is
    drawn class after class, so the choice in a class depends only on `random`, on its size and on
    the sizes of the classes before it. Raises DataError for a class with fewer than two
    examples."""
    sizes = np.bincount(labels, minlength=len(class_names))
    if sizes.min() < 2:
        small = int(sizes.argmin())
        count = "one example" if sizes[small] else "no example"
        raise DataError(
            f"class '{show_name(class_names[small])}': has {count}, but a part of "
            "each class is to be held out and the rest kept. Add examples, or give a path to the "
            "other split instead of a fraction."
        )
    held_out = np.zeros(len(labels), bool)
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(sizes)[:-1])
    for indices, count in zip(members, _shares(sizes, fraction), strict=True):
        held_out[random.permutation(indices)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _shares(sizes: NDArray[np.int64], fraction: float) -> NDArray[np.int64]:
    """How many of each class to hold out; of equal remainders the first class is rounded up."""
    exact = sizes * fraction
    shares = np.floor(exact).astype(np.int64)
    missing = round(float(sizes.sum()) * fraction) - int(shares.sum())
    shares[np.argsort(-(exact - shares), kind="stable")[:missing]] += 1
    return np.asarray(np.clip(shares, 1, sizes - 1), np.int64)

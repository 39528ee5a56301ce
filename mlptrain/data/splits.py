"""Splitting off held-out examples: every stratum is in both parts, and copies stay together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlptrain.errors import DataError
from mlptrain.text import show_name

_OPEN, _KEPT, _HELD_OUT = range(3)


def stratified_split(
    strata: NDArray[np.int64],
    originals: NDArray[np.int64],
    fraction: float,
    random: "np.random.Generator",
    names: Sequence[str] = (),
    remainder: str = "",
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the kept and of the held-out examples, both ascending.

    `strata` (n,) are the classes of the examples, named by `names`; or all 0, without names.
    `originals` (n,) has the same number, below n, for examples that are copies of each other; they
    stay together. A `fraction`, in (0, 1), of each stratum is held out, rounded so that the total
    is as near to `fraction * n` as possible (largest remainder), but at least 1 and not all.
    Groups of copies may make the number miss that by a few. The strata are drawn one after another,
    so the choice in one depends only on `random`, on its size and copies, and on earlier strata.
    Raises DataError for a stratum with fewer than two different examples; `remainder` says
    there which part of the data these examples are."""
    sizes = np.bincount(strata, minlength=len(names))
    side = np.full(len(strata), _OPEN)  # by original
    members = np.split(np.argsort(strata, kind="stable"), np.cumsum(sizes)[:-1])
    for indices, count in zip(members, _shares(sizes, fraction), strict=True):
        _divide(side, originals[random.permutation(indices)], count)
    held_out = side[originals] == _HELD_OUT
    in_both = np.bincount(strata[held_out], minlength=len(sizes))
    wrong = np.flatnonzero((in_both == 0) | (in_both == sizes))
    if len(wrong):
        own = originals[strata == wrong[0]]
        which = f"class '{show_name(names[wrong[0]])}'" if names else "data.train"
        has = "no example" if len(own) == 0 else "one example"
        if len(own) > 1:
            has = f"{len(own):,} examples, which are copies of each other" + (
                " or of other classes'" if names else ""
            )
        part = "a part of each class" if names else "a part"
        raise DataError(
            f"{which}: has {has}{remainder}, but {part} is to be held out and the rest "
            "kept. Add examples, or give a path to the other split instead of a fraction."
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _divide(side: NDArray[np.int64], drawn: NDArray[np.int64], count: int) -> None:
    """Hold out `count` examples of a class in the order `drawn`, each given as its original;
    examples already decided by copies in other classes stay as they are."""
    order = np.argsort(drawn, kind="stable")
    starts = np.flatnonzero(np.diff(drawn[order], prepend=-1))
    found, first, copies = drawn[order[starts]], order[starts], np.diff(starts, append=len(drawn))
    undecided = [i for i in np.argsort(first).tolist() if side[found[i]] == _OPEN]
    count -= int(copies[side[found] == _HELD_OUT].sum())
    side[found[undecided]] = _KEPT
    for i in undecided:
        if copies[i] <= count:
            side[found[i]] = _HELD_OUT
            count -= copies[i]
    if len(found) > 1 and undecided and not (side[found] == _HELD_OUT).any():
        side[found[min(undecided, key=copies.__getitem__)]] = _HELD_OUT


def _shares(sizes: NDArray[np.int64], fraction: float) -> NDArray[np.int64]:
    """How many of each class to hold out; of equal remainders, that of the first class wins."""
    exact = sizes * fraction
    shares = np.floor(exact).astype(np.int64)
    missing = round(float(sizes.sum()) * fraction) - int(shares.sum())
    shares[np.argsort(-(exact - shares), kind="stable")[:missing]] += 1
    return np.asarray(np.clip(shares, 1, sizes - 1), np.int64)

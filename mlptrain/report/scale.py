"""From numbers to places in a drawing, and the round numbers that mark its axes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LOG_FROM = 20  # an axis whose ends differ by this factor is logarithmic, where it may be
_MOST = 1e150  # so that differences and the next power of ten are finite


@dataclass(frozen=True)
class Scale:
    """Maps the numbers from `low` to `high` to the places from `start` to `end`.

    Attributes:
        logarithmic: whether equal factors, not equal differences, are equally far apart.
        whole: whether only whole numbers are marked.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """The place of `value`; those beyond the ends are put there."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, value = map(math.log, (low, high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers within the scale, at most about as many."""
        if self.logarithmic:
            return _powers(self.low, self.high, most)
        step = max(_step((self.high - self.low) / most), float(self.whole))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def scale(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    may_be_logarithmic: bool = False,
) -> Scale:
    """A scale for all `values`, with a little room around them within the `bounds`."""
    known = [min(max(value, -_MOST), _MOST) for value in values] or [0.0, 1.0]
    low, high = min(known), max(known)
    if may_be_logarithmic and low > 0 and high / low >= _LOG_FROM:
        return Scale(low / 1.15, high * 1.15, start, end, logarithmic=True)
    room = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return Scale(max(low - room, bounds[0]), min(high + room, bounds[1]), start, end)


def tick_label(value: float) -> str:
    """A round number as an axis shows it."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value:,.10g}" if abs(value) >= 1 else f"{value:.6g}"


def _step(least: float) -> float:
    """The next of … 0.1, 0.2, 0.5, 1, 2, 5, 10 … from `least` > 0 up."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least * (1 - 1e-9))


def _powers(low: float, high: float, most: int) -> list[float]:
    """1, 2 and 5 times the powers of ten within, or fewer if those are too many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, math.ceil(len(exponents) / most))
    choices: Sequence[tuple[int, ...]] = ((1, 2, 5), (1, 3), (1,))
    for factors in choices:
        found = [f * 10.0**e for e in exponents for f in factors if low <= f * 10.0**e <= high]
        if len(found) <= most:
            break
    else:
        found = [10.0**e for e in exponents if low <= 10.0**e <= high and e % every == 0]
    return found

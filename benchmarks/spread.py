"""Medians and ranges over rounds. Ratios are taken within each round, then summarized."""

import statistics
from collections.abc import Callable, Sequence


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """ours / theirs, round by round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def shown(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Median and range, such as "1.20 (1.10-1.30)"."""
    return f"{form(statistics.median(values))} ({form(min(values))}-{form(max(values))})"


def times(values: Sequence[float]) -> str:
    """A ratio with its range."""
    return shown(values, "{:.2f}".format)


def count(values: Sequence[float]) -> str:
    """A large number with its range."""
    return shown(values, "{:,.0f}".format)

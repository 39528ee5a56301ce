"""From a stored number to a network input: x = number * scale + offset, per channel or column."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.sources.source import LARGEST
from mlptrain.registry import Definition

_LEVELS = 256
_AT_ONCE = 1 << 21  # pixels: bincount copies them to 8 bytes each


class Normalization(Definition):
    """x = (number / unit - mean) / std, with one mean and one std > 0 per channel of images, whose
    unit is 255, or per column of numbers, whose unit is 1."""

    mean: Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False, min_length=1)]
    unit: Literal[1, 255] = 255

    @classmethod
    def identity(cls, channels: int, unit: Literal[1, 255] = 255) -> Self:
        """x = number / unit; for a pixel, in [0, 1]."""
        return cls(mean=(0.0,) * channels, std=(1.0,) * channels, unit=unit)

    @classmethod
    def of_images(cls, parts: Iterable[NDArray[np.uint8]]) -> Self:
        """The mean and standard deviation per channel of images scaled to [0, 1]; a constant
        channel gets std 1. `parts`: at least one (m, H, W, C). The sums are integers, so the order
        does not change a bit of the result."""
        counts = sum(map(_histograms, parts))
        moments = [_moments(each) for each in np.asarray(counts).tolist()]
        return cls(mean=tuple(m for m, _ in moments), std=tuple(s for _, s in moments))

    @classmethod
    def of_numbers(cls, parts: Iterable[NDArray[np.floating[Any]]]) -> Self:
        """The mean and standard deviation per column of numbers; a constant column gets std 1.
        `parts`: (m, …) each."""
        rows = np.concatenate([part.reshape(len(part), -1) for part in parts]).astype(np.float64)
        std = deviations(rows)
        return cls(mean=tuple(rows.mean(axis=0).tolist()), std=tuple(std.tolist()), unit=1)

    @property
    def scale(self) -> NDArray[np.float64]:
        """(C,)"""
        return np.asarray(1 / (self.unit * np.array(self.std)), np.float64)

    @property
    def offset(self) -> NDArray[np.float64]:
        """(C,)"""
        mean, std = np.array(self.mean), np.array(self.std)
        return np.asarray(-mean / std, np.float64)


def deviations(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) the standard deviation of each column of rows (n, k); 1 for a constant column, also
    where the mean is rounded, and for one so nearly constant that float32 cannot scale it."""
    std = np.asarray(rows.std(axis=0), np.float64)
    varies = (rows.max(axis=0) > rows.min(axis=0)) & (std > 1 / LARGEST)
    return np.where(varies, std, 1.0)


def _moments(counts: list[int]) -> tuple[float, float]:
    """Mean and standard deviation of pixels / 255; counts (256,) is how often each level appears.
    The sums are exact integers of any size, so the variance n Σp² - (Σp)² loses no precision, even
    if mean² is much larger."""
    n = sum(counts)
    total = sum(level * count for level, count in enumerate(counts))
    squares = sum(level * level * count for level, count in enumerate(counts))
    variance = (n * squares - total * total) / (n * n * 255 * 255)
    return total / (n * 255), variance**0.5 or 1.0


def _histograms(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each level appears in each channel of images (…, C): (C, 256)."""
    pixels = images.reshape(-1, images.shape[-1])
    counts = np.zeros((pixels.shape[1], _LEVELS), np.int64)
    for start in range(0, len(pixels), _AT_ONCE):
        for channel, levels in enumerate(pixels[start : start + _AT_ONCE].T):
            counts[channel] += _counted(levels)
    return counts


def _counted(levels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each of 0 … 255 appears in levels (n,). Counts pairs, which is twice as fast."""
    even = np.ascontiguousarray(levels[: len(levels) // 2 * 2])
    pairs = np.bincount(even.view(np.uint16), minlength=_LEVELS * _LEVELS)
    table = pairs.reshape(_LEVELS, _LEVELS)
    rest = np.bincount(levels[len(even) :], minlength=_LEVELS)
    return np.asarray(table.sum(axis=0) + table.sum(axis=1) + rest)

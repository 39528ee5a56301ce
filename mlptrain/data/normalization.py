"""From a pixel 0..255 to the number a network sees: x = pixel * scale + offset, per channel."""

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.registry import Definition

_LEVELS = 256


class Normalization(Definition):
    """x = (pixel / 255 - mean) / std, with one mean and one std > 0 per channel."""

    mean: Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False, min_length=1)]

    @classmethod
    def identity(cls, channels: int) -> Self:
        """x = pixel / 255, in [0, 1]."""
        return cls(mean=(0.0,) * channels, std=(1.0,) * channels)

    @classmethod
    def fit(cls, images: NDArray[np.uint8]) -> Self:
        """The mean and standard deviation of images (n, H, W, C), n > 0, in [0, 1]; a constant
        channel gets std 1. From integer sums, so the order of the images changes no bit."""
        moments = [_moments(images[..., channel]) for channel in range(images.shape[3])]
        return cls(mean=tuple(m for m, _ in moments), std=tuple(s for _, s in moments))

    @property
    def scale(self) -> NDArray[np.float64]:
        """(C,)"""
        return np.asarray(1 / (255 * np.array(self.std)), np.float64)

    @property
    def offset(self) -> NDArray[np.float64]:
        """(C,)"""
        mean, std = np.array(self.mean), np.array(self.std)
        return np.asarray(-mean / std, np.float64)


def _moments(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean and standard deviation of pixels (n, H, W) / 255. The sums are exact integers of any
    size, so the variance n Σp² - (Σp)² loses nothing where mean² is much larger than it."""
    counts = _histogram(pixels)
    n = sum(counts)
    total = sum(level * count for level, count in enumerate(counts))
    squares = sum(level * level * count for level, count in enumerate(counts))
    variance = (n * squares - total * total) / (n * n * 255 * 255)
    return total / (n * 255), variance**0.5 or 1.0


def _histogram(pixels: NDArray[np.uint8]) -> list[int]:
    """How often each level appears; in parts, because bincount copies to 8 bytes a pixel."""
    counts = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(pixels), 1024):
        counts += np.bincount(pixels[start : start + 1024].reshape(-1), minlength=_LEVELS)
    return counts.tolist()

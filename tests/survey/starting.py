"""Data of many kinds, made on the spot."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def make_images(
    folder: Path, count: int, size: tuple[int, int] = (6, 5), mode: str = "L", first: int = 0
) -> None:
    """`count` different PNGs of `size` (width, height), numbered from `first`."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([first, *folder.name.encode("utf-8", "surrogateescape")])
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    for index in range(first, first + count):
        pixels = random.integers(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")


def make_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def images_and_sides(count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 6, 5), and whether each is brighter than usual."""
    x = np.random.default_rng(3).integers(0, 256, (count, 6, 5)).astype(np.uint8)
    means = x.mean((1, 2))
    return x, (means > np.median(means)).astype(np.int64)

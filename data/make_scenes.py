"""Draw data/scenes: 1,200 training and 300 test images, RGB 16×16, with masks, labels and numbers.

    python data/make_scenes.py        needs numpy and Pillow; writes the same bytes every time

Each image shows a bar at some angle, and half of them a disc beside it. `train.csv` and `test.csv`
name for each its mask, its labels, the bar's angle in degrees and its length in pixels. In a mask,
0 is the background, 1 the bar, 2 the disc, and 255 the pixels at an edge, which are of both.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(__file__).parent / "scenes"
SEED = 0
COUNTS = {"train": 1200, "test": 300}
SIZE = 16
OVERSAMPLING = 4
NOISE = 4.0  # standard deviation, in gray levels
PALETTE = [0, 0, 0, 230, 80, 60, 60, 120, 230]
EDGE = 255

Numbers = NDArray[np.float64]


def grid() -> tuple[Numbers, Numbers]:
    """x and y of every sample, in pixels from the middle."""
    fine = (np.arange(SIZE * OVERSAMPLING) + 0.5) / OVERSAMPLING - SIZE / 2
    y, x = np.meshgrid(fine, fine, indexing="ij")
    return x, y


def share(inside: NDArray[np.bool_]) -> Numbers:
    """How much of each pixel is inside, (16, 16)."""
    return inside.reshape(SIZE, OVERSAMPLING, SIZE, OVERSAMPLING).mean(axis=(1, 3))


def draw(random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[object]]:
    """An image (16, 16, 3), its mask (16, 16), and its labels, angle and length."""
    x, y = grid()
    angle, length = random.uniform(-60, 60), random.uniform(7, 11)
    night, disc = random.random() < 0.5, random.random() < 0.5
    turn = np.radians(angle)
    left, top = x + 3, y + random.uniform(-1, 1)
    along, across = (
        left * np.cos(turn) - top * np.sin(turn),
        left * np.sin(turn) + top * np.cos(turn),
    )
    bar = share((abs(along) <= length / 2) & (abs(across) <= 1.5))
    radius, height = random.uniform(2, 3), random.uniform(-4, 4)
    ball = share((x - 5) ** 2 + (y - height) ** 2 <= radius**2) * disc * (bar == 0)
    behind = np.array([40, 45, 70] if night else [215, 220, 205]) + random.normal(0, 6, 3)
    paints = np.array([[225, 75, 60], [70, 125, 235]]) + random.normal(0, 8, (2, 3))
    covers = np.stack([bar, ball], axis=-1)
    pixels = behind * (1 - covers.sum(axis=-1, keepdims=True)) + covers @ paints
    pixels += random.normal(0, NOISE, pixels.shape)
    mask = np.where(bar == 1, 1, np.where(ball == 1, 2, 0)).astype(np.uint8)
    mask[(covers > 0).any(axis=-1) & (mask == 0)] = EDGE
    labels = [
        name for name, there in (("disc", disc), ("long", length > 9), ("night", night)) if there
    ]
    image = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    return image, mask, ["|".join(labels), f"{angle:.2f}", f"{length:.2f}"]


def main() -> None:
    random = np.random.default_rng(SEED)
    for split, count in COUNTS.items():
        for kind in ("images", "masks"):
            (FOLDER / split / kind).mkdir(parents=True, exist_ok=True)
        with (FOLDER / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["filepath", "mask", "labels", "angle", "length"])
            for index in range(count):
                image, mask, facts = draw(random)
                names = [f"{split}/{kind}/{index:04d}.png" for kind in ("images", "masks")]
                Image.fromarray(image).save(FOLDER / names[0], optimize=True)
                indexed = Image.fromarray(mask)
                indexed.putpalette(PALETTE + [160] * (768 - len(PALETTE)))
                indexed.save(FOLDER / names[1], optimize=True)
                rows.writerow([*names, *facts])


if __name__ == "__main__":
    main()

"""Draw data/shapes: 600 training and 200 test images, RGB 32×32, of coloured shapes.

    python data/make_shapes.py        needs numpy and Pillow; writes the same bytes every time

Six classes, three shapes in two colours each. The two colours of a shape have the same luma, so in
grayscale nothing tells them apart. Position, size, angle, brightness, background and noise vary.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(__file__).parent / "shapes"
SEED = 0
COUNTS = {"train": 600, "test": 200}
SIZE = 32
OVERSAMPLING = 4
LUMA = np.array([0.299, 0.587, 0.114])
COLOURS = {
    "red": (220, 40, 70),
    "blue": (45, 105, 205),
    "green": (40, 140, 80),
    "orange": (215, 95, 20),
}
CLASSES = (
    ("circle", "red"),
    ("circle", "blue"),
    ("square", "red"),
    ("square", "blue"),
    ("triangle", "green"),
    ("triangle", "orange"),
)
NOISE = 8.0  # standard deviation, in gray levels


def draw(shape: str, colour: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """One image (32, 32, 3) of `shape`, anti-aliased, on a background that fades from one pale
    colour to another."""
    cover = coverage(shape, random)[..., None]
    paint = of_luma(np.array(COLOURS[colour]), random.uniform(75, 115))
    pixels = background(random) * (1 - cover) + paint * cover
    pixels += random.normal(0, NOISE, pixels.shape)
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def coverage(shape: str, random: np.random.Generator) -> NDArray[np.float64]:
    """How much of each pixel the shape covers, (32, 32) in [0, 1]."""
    radius = random.uniform(8.5, 11)
    centre = random.uniform(SIZE / 2 - 2.5, SIZE / 2 + 2.5, 2)
    angle = np.radians(random.uniform(-15, 15))
    fine = (np.arange(SIZE * OVERSAMPLING) + 0.5) / OVERSAMPLING
    y, x = np.meshgrid(fine - centre[0], fine - centre[1], indexing="ij")
    x, y = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if shape == "circle":
        inside = x * x + y * y <= radius**2
    elif shape == "square":
        inside = np.maximum(abs(x), abs(y)) <= 0.87 * radius
    else:
        inside = (y <= 0.7 * radius) & (abs(x) * 1.8 <= y + 1.2 * radius)
    blocks = inside.reshape(SIZE, OVERSAMPLING, SIZE, OVERSAMPLING)
    return blocks.mean(axis=(1, 3))


def background(random: np.random.Generator) -> NDArray[np.float64]:
    """(32, 32, 3), fading in a random direction between two pale colours."""
    ends = [of_luma(random.uniform(160, 255, 3), random.uniform(170, 235)) for _ in range(2)]
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1) - 0.5
    share = (np.clip(x * np.cos(angle) + y * np.sin(angle), -0.5, 0.5) + 0.5)[..., None]
    return ends[0] * (1 - share) + ends[1] * share


def of_luma(colour: NDArray[np.float64], luma: float) -> NDArray[np.float64]:
    """`colour` (3,), brighter or darker so that grayscale shows it as `luma`."""
    return colour * (luma / (colour @ LUMA))


def main() -> None:
    random = np.random.default_rng(SEED)
    for split, count in COUNTS.items():
        for index in range(count):
            shape, colour = CLASSES[index % len(CLASSES)]
            path = FOLDER / split / f"{colour}_{shape}" / f"{index:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw(shape, colour, random)).save(path, optimize=True)


if __name__ == "__main__":
    main()

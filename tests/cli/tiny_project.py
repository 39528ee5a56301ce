"""A small project: images that say by their bright side which class they are, and a config."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("left", "right", "top")
CONFIG = """\
data: {train: data/train, test: data/test, validation: 0.25}
model: {hidden_layers: [16]}
training: {batch_size: 8, epochs: 3, threads: 1, optimizer: {type: adam, learning_rate: 0.01}}
"""


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """An 8×8 image with the side called `name` bright."""
    pixels = random.integers(0, 90, (8, 8)).astype(np.uint8)
    sides = {"left": np.s_[:, :3], "right": np.s_[:, 5:], "top": np.s_[:3]}
    pixels[sides[name]] += 150
    return Image.fromarray(pixels)


def draw_split(root: Path, count: int, names: Mapping[str, str], seed: int = 0) -> Path:
    """Make a folder of class folders; `names` maps each to the class its images really show."""
    random = np.random.default_rng(seed)
    for folder, shown in names.items():
        (root / folder).mkdir(parents=True)
        for index in range(count):
            draw(shown, random).save(root / folder / f"{index:03d}.png")
    return root


def make_project(place: Path) -> Path:
    """A folder with data and tiny.yaml."""
    own = dict(zip(CLASSES, CLASSES, strict=True))
    draw_split(place / "data/train", 16, own)
    draw_split(place / "data/test", 8, own, seed=1)
    (place / "tiny.yaml").write_text(CONFIG)
    return place

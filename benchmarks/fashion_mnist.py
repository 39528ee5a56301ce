"""Fashion-MNIST from its IDX files: as it is, and as the peers need it, float32 in memory."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian and Ubuntu put it
PREFIXES = {"train": "train", "test": "t10k"}


def paths(folder: Path, split: str) -> tuple[Path, Path]:
    """The image file and the label file of `split`, "train" or "test"."""
    prefix = PREFIXES[split]
    return (
        folder / f"{prefix}-images-idx3-ubyte.gz",
        folder / f"{prefix}-labels-idx1-ubyte.gz",
    )


def read(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (n, 28, 28) and labels (n,)."""
    images, labels = (gzip.decompress(path.read_bytes()) for path in paths(folder, split))
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def load(
    folder: Path, split: str, examples: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images (n, 784) in [0, 1] and labels (n,) of the first `examples`; None: all."""
    pixels, labels = (array[:examples] for array in read(folder, split))
    x = np.multiply(pixels.reshape(-1, 784), np.float32(1 / 255), dtype=np.float32)
    return x, labels.astype(np.int64)

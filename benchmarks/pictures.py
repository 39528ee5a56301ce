"""Fashion-MNIST as PNG files."""

from pathlib import Path

from PIL import Image

from benchmarks import fashion_mnist


def write_pictures(data: Path, folder: Path, count: int) -> None:
    """Write the first `count` training images to `folder`, in one folder per class."""
    pixels, labels = fashion_mnist.read(data, "train")
    for label in range(10):
        (folder / str(label)).mkdir()
    for index in range(count):
        path = folder / str(labels[index]) / f"{index:05d}.png"
        Image.fromarray(pixels[index]).save(path)

"""How many 28×28 PNG files per second become arrays, checks included.

    python benchmarks/decoding.py [--data FOLDER] [--rounds 5]

Writes the 60,000 images of Fashion-MNIST as PNG files into a temporary class folder, then reads
them as `mlptrain train` does: listing, checking, decoding, on one process and on all cores in turn.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from PIL import Image

from mlptrain.data.folder import Folder, images_below
from mlptrain.data.idx import Idx
from mlptrain.data.loading import load_images
from mlptrain.data.read import read
from mlptrain.data.settings import ImageSettings

SETTINGS = ImageSettings(mode="grayscale", height=28, width=28)


def write_files(data: Path, folder: Path) -> None:
    """One PNG per image, below a folder per class."""
    source = Idx(
        images=str(data / "train-images-idx3-ubyte.gz"),
        labels=str(data / "train-labels-idx1-ubyte.gz"),
    )
    dataset, _ = read(source, SETTINGS)
    for name in dataset.class_names:
        (folder / name).mkdir()
    for index, (image, label) in enumerate(zip(dataset.images, dataset.labels, strict=True)):
        Image.fromarray(image[:, :, 0]).save(folder / str(label) / f"{index:05d}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_files(arguments.data, Path(folder))
        paths = images_below(folder)
        ways = {
            "one process": lambda: load_images(paths, SETTINGS, processes=1),
            "all cores": lambda: load_images(paths, SETTINGS),
            "all cores, with listing and labels": lambda: read(Folder(path=folder), SETTINGS),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                rates[name].append(len(paths) / (time.perf_counter() - start))
    for name, values in rates.items():
        print(
            f"{name:<36}{statistics.median(values):>9,.0f} files/s"
            f"   ({min(values):,.0f}-{max(values):,.0f})"
        )


if __name__ == "__main__":
    main()

"""How many 28×28 PNG files per second become arrays, checks included.

Reads Fashion-MNIST as PNG files in class folders, as `mlptrain train` does: listing, checking,
decoding, on one process and on all cores in turn.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.pictures import write_pictures
from benchmarks.report import Table
from benchmarks.spread import count
from mlptrain.data.folder import Folder, images_below
from mlptrain.data.loading import load_images
from mlptrain.data.read import read
from mlptrain.data.settings import ImageSettings

SETTINGS = ImageSettings(mode="grayscale", height=28, width=28)
FILES = 60_000


def measure(options: Options) -> dict[str, list[float]]:
    """Files per second in each round."""
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(options.data, Path(folder), 5_000 if options.quick else FILES)
        paths = images_below(folder)
        ways = {
            "one process": lambda: load_images(paths, SETTINGS, processes=1),
            "all cores": lambda: load_images(paths, SETTINGS),
            "all cores, with listing and labels": lambda: read(Folder(path=folder), SETTINGS),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                rates[name].append(len(paths) / (time.perf_counter() - started))
    return rates


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            "28×28 PNG files in class folders",
            ["on", "files/s"],
            [[name, count(values)] for name, values in result.items()],
        )
    ]

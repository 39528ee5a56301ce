"""How many 28×28 PNG files are decoded per second, checks included.

Reads Fashion-MNIST as PNG files in class folders, as `mlptrain train` does: listing, checking and
decoding, alternately in one process and on all cores.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.pictures import write_pictures
from benchmarks.report import Table
from benchmarks.rounds import in_turn
from benchmarks.spread import count
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.stream import load_images
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.listing import images_below
from mlptrain.tasks.class_labels import ClassLabels

SETTINGS = ImageSettings(mode="grayscale", height=28, width=28)
FILES = 60_000


def measure(options: Options) -> dict[str, list[float]]:
    """Files per second in each round."""
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(options.data, Path(folder), 5_000 if options.quick else FILES)
        paths, source = images_below(folder, []), Folder(path=folder)
        ways = {
            "one process": lambda: load_images(paths, SETTINGS, processes=1),
            "all cores": lambda: load_images(paths, SETTINGS),
            "all cores, with listing and labels": lambda: read(source, SETTINGS, ClassLabels()),
        }
        turns = {name: partial(_rate, way, len(paths)) for name, way in ways.items()}
        return in_turn(turns, options.rounds)


def _rate(way: Callable[[], object], files: int) -> float:
    started = time.perf_counter()
    way()
    return files / (time.perf_counter() - started)


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            "28×28 PNG files in class folders",
            ["decoding", "files/s"],
            [[name, count(values)] for name, values in result.items()],
        )
    ]

"""How time and memory grow if one quantity varies around a base. Each point runs in its own process
in every round.

Time is divided by work, so that the quotient is constant if time grows like the work. The work of a
sample is counted in multiplications: those of its matrix products, forward and backward, and its
share of the update of all parameters.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.rounds import in_turn
from benchmarks.worker import ROOT

INPUTS = 28 * 28
UPDATE_WORK = 30  # multiplications that take as long as the update of one parameter, 0.33 ns
TOLERANCE = 1.5


@dataclass(frozen=True)
class Point:
    """A network and its data: random images of 28×28 pixels with random labels."""

    hidden: tuple[int, ...] = (256,)
    batch_size: int = 128
    classes: int = 10
    rows: int = 16_384
    whole_epochs: bool = False

    @property
    def work(self) -> float:
        """Multiplications per sample; the first layer's input gradient is not computed."""
        kernels = [n * m for n, m in pairwise((INPUTS, *self.hidden, self.classes))]
        products = 3 * sum(kernels) - kernels[0]
        return products + UPDATE_WORK * sum(kernels) / self.batch_size


@dataclass(frozen=True)
class Study:
    """A quantity that varies: its values, the point for each value, and the unit that memory is
    divided by."""

    values: tuple[int, ...]
    point: Callable[[int], Point]
    memory_per: str = "parameter"


BASE = Point()
STUDIES = {
    "width": Study((64, 256, 1024, 4096), lambda n: replace(BASE, hidden=(n,))),
    "depth": Study((1, 4, 16, 64), lambda n: replace(BASE, hidden=(256,) * n)),
    "batch size": Study(
        (1, 8, 64, 512, 8192), lambda n: replace(BASE, batch_size=n), "sample of a batch"
    ),
    "classes": Study((2, 10, 100, 1000, 10_000), lambda n: replace(BASE, classes=n)),
    "training images": Study(
        (1000, 10_000, 100_000, 1_000_000),
        lambda n: replace(BASE, rows=n, whole_epochs=True),
        "training image",
    ),
}


def measure(options: Options) -> dict[str, list[dict[str, Any]]]:
    """For each study and value, the work per sample and the figures of `workers/growth_point.py`:
    seconds of each round, the others of the first round."""
    points = {
        f"{name} {value}": (name, value, study.point(value))
        for name, study in STUDIES.items()
        for value in (study.values[:2] if options.quick else study.values)
    }
    with tempfile.TemporaryDirectory() as folder:
        turns = {key: partial(_run, point, Path(folder)) for key, (*_, point) in points.items()}
        found = in_turn(turns, options.rounds)
    result: dict[str, list[dict[str, Any]]] = {name: [] for name in STUDIES}
    for key, (name, value, point) in points.items():
        seconds = {"seconds_per_sample": [each["seconds_per_sample"] for each in found[key]]}
        result[name].append({"value": value, "work": point.work, **found[key][0], **seconds})
    return result


def _run(point: Point, folder: Path) -> dict[str, float]:
    data = folder / f"{point.rows}-{point.classes}.npz"
    if not data.exists():
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (point.rows, 28, 28), np.uint8)
        np.savez(data, x=images, y=random.permutation(point.rows) % point.classes)
    details = {
        "data": str(data),
        "hidden": list(point.hidden),
        "batch_size": point.batch_size,
        "whole_epochs": point.whole_epochs,
    }
    command = [sys.executable, "-m", "benchmarks.workers.growth_point", json.dumps(details)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def tables(result: dict[str, Any]) -> list[Table]:
    base = (
        f"{INPUTS}-{BASE.hidden[0]}-{BASE.classes}, batch {BASE.batch_size}, {BASE.rows:,} images"
    )
    return [_verdicts(result, base), *(_table(name, points) for name, points in result.items())]


def _seconds(point: dict[str, Any]) -> float:
    """Seconds per sample, the median of the rounds."""
    return statistics.median(point["seconds_per_sample"])


def growth(points: list[dict[str, Any]]) -> float:
    """The largest factor by which time per work rises from one value to a larger one; above 1, time
    grows faster than the work."""
    costs = [_seconds(point) / point["work"] for point in points]
    return max(later / earlier for i, earlier in enumerate(costs) for later in costs[i:])


def _verdicts(result: dict[str, Any], base: str) -> Table:
    rows = []
    for name, points in result.items():
        risen = growth(points)
        verdict = "superlinearly" if risen > TOLERANCE else "like the work"
        span = f"{points[0]['value']:,} to {points[-1]['value']:,}"
        rows.append([name, span, f"{risen:.2f}", verdict])
    return Table(
        "Growth of time and work",
        ["quantity", "range", "largest rise of time / work", "time grows"],
        rows,
        f"Around {base}. Work: multiplications per sample, forward and backward, plus "
        f"{UPDATE_WORK} per parameter / batch size for the update. Above {TOLERANCE}, the growth "
        "counts as superlinear.",
    )


def _table(name: str, points: list[dict[str, Any]]) -> Table:
    per = STUDIES[name].memory_per
    return Table(
        name.capitalize(),
        [name, "µs/sample", "multiplications/sample", "ns per 1,000", "peak MB", f"bytes/{per}"],
        [
            [
                f"{point['value']:,}",
                f"{_seconds(point) * 1e6:,.2f}",
                f"{point['work']:,.0f}",
                f"{_seconds(point) / point['work'] * 1e12:.1f}",
                f"{point['peak_bytes'] / 1e6:,.0f}",
                _marginal_bytes(name, points, i),
            ]
            for i, point in enumerate(points)
        ],
    )


def _marginal_bytes(name: str, points: list[dict[str, Any]], i: int) -> str:
    """The growth of memory from the previous value, in bytes per unit."""
    if i == 0:
        return ""
    unit = "parameters" if STUDIES[name].memory_per == "parameter" else "value"
    before, now = points[i - 1], points[i]
    grown = now["peak_bytes"] - before["peak_bytes"]
    return f"{grown / (now[unit] - before[unit]):,.0f}"

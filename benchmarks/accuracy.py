"""Test accuracy after equally many epochs: no contestant is fast because it learns less.

Each starts from weights of its own default initializer, different for each seed.
"""

import math
import statistics
from typing import Any

from benchmarks.contestants import MLPTRAIN, OURS, PEERS
from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.worker import Worker

NUMBERS = (1, 2, 3)  # row numbers; an epoch of row 4 takes minutes
EPOCHS = 4
SEEDS = 5


def measure(options: Options) -> dict[str, Any]:
    """The accuracies by row and contestant, one per seed."""
    seeds = range(2 if options.quick else SEEDS)
    epochs = 1 if options.quick else EPOCHS
    result: dict[str, Any] = {}
    for number, row in options.chosen_rows().items():
        if number not in NUMBERS:
            continue
        accuracies: dict[str, list[float]] = {}
        for name, (form, *_) in (MLPTRAIN | PEERS).items():
            print(f"  {row}: {name}", flush=True)
            accuracies[name] = []
            with Worker(form) as worker:
                for seed in seeds:
                    worker.start(row, options.data, seed)
                    worker.train(epochs)
                    accuracies[name].append(worker.accuracy())
        result[str(row)] = {"epochs": epochs, "accuracies": accuracies}
    return result


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            f"{row}, after {record['epochs']} epochs",
            [
                "contestant",
                "mean accuracy",
                "lowest",
                "highest",
                "mlptrain - contestant",
                "95 % CI",
            ],
            [_line(name, record["accuracies"]) for name in record["accuracies"]],
            "Over seeds. The 95 % confidence interval is that of the difference of the means; if "
            "it contains 0, the difference is not significant.",
        )
        for row, record in result.items()
    ]


def _line(name: str, accuracies: dict[str, list[float]]) -> list[str]:
    values, ours = accuracies[name], accuracies[OURS]
    cells = [f"{statistics.mean(values):.4f}", f"{min(values):.4f}", f"{max(values):.4f}"]
    difference = statistics.mean(ours) - statistics.mean(values)
    error = math.sqrt((statistics.variance(ours) + statistics.variance(values)) / len(values))
    low, high = difference - 2.31 * error, difference + 2.31 * error  # t, 8 degrees of freedom
    beside = [f"{difference:+.4f}", f"{low:+.4f} to {high:+.4f}"] if name != OURS else ["", ""]
    return [name, *cells, *beside]

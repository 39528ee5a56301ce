"""Training throughput in samples per second, interleaved: in every round each contestant trains for
one turn, in a new random order.

Each runs in its own process, which sleeps while others train. Compilation and the first turn are
not timed.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contestants import OURS, OURS_IN_NUMPY, PEERS, PRODUCTS, SCAN, forms
from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.rounds import in_turn
from benchmarks.rows import Row
from benchmarks.spread import count, ratios, times
from benchmarks.worker import Form, Worker

HEATS = 3  # turns of each form of a contestant before the rounds
SETTLE_SECONDS = 0.1  # thread pools spin for some milliseconds after their last work


def measure(options: Options) -> dict[str, Any]:
    """For each row its name and, by contestant, the form that ran and the samples/s of each
    round."""
    return {
        str(number): {"row": str(row), **_measure_row(row, options)}
        for number, row in options.chosen_rows().items()
    }


def _measure_row(row: Row, options: Options) -> dict[str, Any]:
    with ExitStack() as stack:
        taken, workers = {}, {}
        for name, several in forms(row):
            print(f"  {row}: {name} gets ready", flush=True)
            taken[name] = _fastest(several, row, options.data)
            ready = ready_worker(taken[name], row, options.data)
            workers[name] = stack.enter_context(ready)
        turns = {name: partial(turn, worker, row) for name, worker in workers.items()}
        rates = in_turn(turns, options.rounds)
    return {"forms": {name: str(form) for name, form in taken.items()}, "rates": rates}


def ready_worker(form: Form, row: Row, data: Path) -> Worker:
    """A worker that has trained for one turn, so that everything is compiled."""
    worker = Worker(form)
    worker.start(row, data)
    worker.train(row.passes)
    return worker


def turn(worker: Worker, row: Row) -> float:
    """Samples per second of one turn."""
    time.sleep(SETTLE_SECONDS)
    return row.passes * row.examples / worker.train(row.passes)


def _fastest(forms: Sequence[Form], row: Row, data: Path) -> Form:
    """The form with the fastest turn of HEATS interleaved heats."""
    if len(forms) == 1:
        return forms[0]
    with ExitStack() as stack:
        workers = [stack.enter_context(ready_worker(form, row, data)) for form in forms]
        heats = [[turn(worker, row) for worker in workers] for _ in range(HEATS)]
    best = [max(rates) for rates in zip(*heats, strict=True)]
    return forms[best.index(max(best))]


def tables(result: dict[str, Any]) -> list[Table]:
    """A summary over the rows, then a table for each."""
    return [_summary(result), *(_row_table(number, row) for number, row in result.items())]


def best_peer(rates: dict[str, list[float]]) -> str:
    """The peer with the highest median."""
    return max(PEERS, key=lambda name: statistics.median(rates[name]))


def _summary(result: dict[str, Any]) -> Table:
    rows = []
    for number, record in result.items():
        rates = record["rates"]
        best = best_peer(rates)
        rows.append(
            [
                f"{number}: {record['row']}",
                times(ratios(rates[OURS], rates[SCAN])),
                best,
                *(times(ratios(rates[us], rates[best])) for us in (OURS, OURS_IN_NUMPY)),
                *(times(ratios(rates[us], rates[PRODUCTS])) for us in (OURS, OURS_IN_NUMPY)),
            ]
        )
    return Table(
        "Compared with JAX's compiled epoch and with the best of the five peers",
        [
            "row",
            f"mlptrain / {SCAN}",
            "best peer",
            "mlptrain / peer",
            "NumPy only / peer",
            "mlptrain / products",
            "NumPy only / products",
        ],
        rows,
        "Ratios of samples/s: above 1, mlptrain is faster. `products` runs only the matrix "
        "products of the step, with NumPy's BLAS on all cores.",
    )


def _row_table(number: str, record: dict[str, Any]) -> Table:
    rates = record["rates"]
    return Table(
        f"Row {number}: {record['row']}",
        ["contestant", "form", "samples/s", "mlptrain / contestant", "NumPy only / contestant"],
        [
            [
                name,
                record["forms"][name],
                count(values),
                *(times(ratios(rates[us], values)) for us in (OURS, OURS_IN_NUMPY)),
            ]
            for name, values in rates.items()
        ],
    )

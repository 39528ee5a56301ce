"""Peak memory of a process that trains row 3 for one pass, including data and framework."""

from benchmarks.contestants import MLPTRAIN, OURS, PEERS
from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.rows import ROWS
from benchmarks.throughput import ready_worker

ROW = ROWS[3]


def measure(options: Options) -> dict[str, int]:
    """The peak in bytes, by contestant."""
    peaks = {}
    for name, (form, *_) in (MLPTRAIN | PEERS).items():
        with ready_worker(form, ROW, options.data) as worker:
            peaks[name] = worker.peak_bytes()
    return peaks


def tables(result: dict[str, int]) -> list[Table]:
    return [
        Table(
            f"One pass of {ROW}",
            ["contestant", "peak MB", "contestant / mlptrain"],
            [
                [name, f"{peak / 1e6:,.0f}", f"{peak / result[OURS]:.2f}"]
                for name, peak in result.items()
            ],
            "mlptrain keeps the 47 MB of pixels as uint8; the peers hold them as float32.",
        )
    ]

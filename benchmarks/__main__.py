"""Measure mlptrain beside its peers.

    python -m benchmarks [PART ...] [--rounds 7] [--rows 1 2 3 4] [--quick] [--write]

Without PART, all parts run, one after the other. Run nothing else on the machine meanwhile.
"""

import argparse
import datetime
import json
import os
from pathlib import Path
from typing import Any

from benchmarks import (
    accuracy,
    decoding,
    estimators,
    fashion_mnist,
    gradient_cost,
    growth,
    memory,
    prediction,
    report,
    startup,
    throughput,
)
from benchmarks.machine import commit, machine
from benchmarks.options import Options, Part
from benchmarks.rows import ROWS

PARTS: dict[str, Part] = {
    "throughput": throughput,
    "accuracy": accuracy,
    "estimators": estimators,
    "startup": startup,
    "prediction": prediction,
    "decoding": decoding,
    "memory": memory,
    "gradient-cost": gradient_cost,
    "growth": growth,
}
FOLDER = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=7, help="how often all is timed; default: 7")
    parser.add_argument(
        "--rows", type=int, nargs="+", choices=ROWS, default=list(ROWS), help="networks to train"
    )
    parser.add_argument("--quick", action="store_true", help="only check that everything works")
    parser.add_argument(
        "--data", type=Path, default=fashion_mnist.FOLDER, help="folder of Fashion-MNIST"
    )
    parser.add_argument("--write", action="store_true", help="write results.json and RESULTS.md")
    parser.add_argument(
        "--again", action="store_true", help="only write RESULTS.md anew from results.json"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}. The parts are {', '.join(PARTS)}.")
    if arguments.again:
        Results(FOLDER).write()
        return
    # cache bytecode, as the installed peers do; otherwise each start compiles the modules
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    results = Results(FOLDER, machine())
    options = Options(arguments.rounds, tuple(arguments.rows), arguments.quick, arguments.data)
    for name in arguments.parts or PARTS:
        print(f"{name} …", flush=True)
        record = results.record(name, options)
        print("\n" + "\n\n".join(map(str, PARTS[name].tables(record["result"]))) + "\n", flush=True)
        if arguments.write:
            results.write()


class Results:
    """results.json and RESULTS.md in `folder`. Records of the same machine and versions stay until
    their part is measured again; others are dropped."""

    def __init__(self, folder: Path, machine: dict[str, str] | None = None) -> None:
        self._json, self._markdown = folder / "results.json", folder / "RESULTS.md"
        saved: dict[str, Any] = {"machine": machine, "parts": {}}
        if self._json.exists():
            saved = json.loads(self._json.read_text(encoding="utf-8"))
        self.machine = machine or saved["machine"]
        self.parts = saved["parts"] if saved["machine"] == self.machine else {}

    def record(self, name: str, options: Options) -> dict[str, Any]:
        """Measure the part `name` and return its record."""
        self.parts[name] = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit(),
            "options": str(options),
            "result": PARTS[name].measure(options),
        }
        return self.parts[name]

    def write(self) -> None:
        content = {"machine": self.machine, "parts": self.parts}
        self._json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        shown = {
            name: (self.parts[name], part.tables(self.parts[name]["result"]))
            for name, part in PARTS.items()
            if name in self.parts
        }
        self._markdown.write_text(report.document(self.machine, shown), encoding="utf-8")


if __name__ == "__main__":
    main()

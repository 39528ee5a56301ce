"""Kill training runs at random times and resume them until they are done.

    PYTHONPATH=tests python tests/training/kill_many.py FOLDER [KILLS]

Each run is a fork that gets `kill -9` after a random part of the time that an undisturbed one
takes, and again while it is resumed. Its folder is looked at after every kill, and compared with
that of the undisturbed run at the end. Prints one JSON object.
"""

import json
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from forks import Forked
from tiny_runs import broken, differing, make_project, start, temporary

KILLS_PER_RUN = 2


def main(project: Path, kills: int) -> dict[str, Any]:
    """Make `kills` kills; returns the counts of what went wrong."""
    config = make_project(project)
    reference = project / "reference"
    seconds = min(_timed(config, project / name) for name in ("warm-up", reference.name))
    random_ = random.Random(0)
    counts = dict.fromkeys(
        ("kills", "runs", "broken", "differing", "temporary_found", "temporary_left", "failed"), 0
    )
    while counts["kills"] < kills:
        folder = project / f"run-{counts['runs']}"
        counts["runs"] += 1
        for attempt in range(KILLS_PER_RUN):
            with _started(config, folder, resume=attempt > 0) as process:
                time.sleep(random_.uniform(0, 1.1 * seconds))
                process.kill()
                counts["kills"] += process.wait() == -signal.SIGKILL
            counts["broken"] += len(broken(folder, reference))
            counts["temporary_found"] += len(temporary(folder))
        with _started(config, folder, resume=True) as process:
            counts["failed"] += process.wait() != 0
        counts["differing"] += len(differing(folder, reference))
        counts["temporary_left"] += len(temporary(folder))
        shutil.rmtree(folder)
    return counts


def _started(config: Path, folder: Path, *, resume: bool) -> Forked:
    arguments = ["train", str(config), "--run-dir", str(folder), *["--resume"] * resume]
    return start(config.parent, *arguments)


def _timed(config: Path, folder: Path) -> float:
    with _started(config, folder, resume=False) as process:
        started = time.perf_counter()
        assert process.wait() == 0
        return time.perf_counter() - started


if __name__ == "__main__":
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(json.dumps(main(Path(sys.argv[1]), wanted)))

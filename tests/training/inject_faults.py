"""Make every file operation of a training run fail, one after the other and in every way.

    PYTHONPATH=tests OPENBLAS_NUM_THREADS=1 python tests/training/inject_faults.py FOLDER

A run is counted: it makes n calls of `mlptrain.files.system`. For each k from 1 to n + 1 and each
way (those that halve a write: for each write), a run whose k-th call fails is made, its folder is
looked at, the run is resumed, and its folder is compared with that of the undisturbed run. After
that, pairs: a fault in the run and another in its resumption. Prints one JSON object; `wrong` says
what did not hold.

Each run is a fork of one process that has everything imported already. Many faults leave the same
files; of runs that differ in nothing but their lock's process and the clock, one is resumed.
"""

import errno
import json
import os
import random
import re
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tiny_runs import CLOCK, STATES, broken, differing, make_project, temporary

from mlptrain import files
from mlptrain.cli import app
from mlptrain.system import System

FAULTS = ("kill", "half", "ENOSPC", "EIO")
KILLED = -9
DONE, FILE_SYSTEM = 0, 6
BY_THE_CLOCK = re.compile(rf'"({"|".join(CLOCK)})": [^,}}]*'.encode())


class FaultySystem(System):
    """The operating system until its `fail_at`-th call. Then, by `way`:

    kill: the process dies before the call. half: it dies after half of a write. ENOSPC: half is
    written, then the disk is full, and stays so. EIO: this one call fails. short: a write takes
    only half, which is no fault."""

    def __init__(self, way: str, fail_at: int) -> None:
        self.way, self.fail_at, self.calls = way, fail_at, 0
        self.writes: set[int] = set()  # which of the calls were writes

    def _called(self, path: object = None) -> bool:
        """Whether this is the call to fail, and it was not yet made to."""
        self.calls += 1
        full = self.way == "ENOSPC" and self.calls > self.fail_at
        if self.calls != self.fail_at or self.way == "short":
            return full
        if self.way in ("kill", "half"):
            os.kill(os.getpid(), 9)
        raise OSError(getattr(errno, self.way), os.strerror(getattr(errno, self.way)), path)

    def mkdir(self, path: Path) -> None:
        self._called(path)
        super().mkdir(path)

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        self._called(path)
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        self.writes.add(self.calls + 1)
        half = data[: len(data) // 2] or data
        if self.calls + 1 == self.fail_at and self.way in ("half", "short", "ENOSPC"):
            written = super().write(descriptor, half)
            if self.way == "half":
                os.kill(os.getpid(), 9)
            self.calls += 1
            return written
        if self._called():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._called()
        super().fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._called(target)
        super().replace(source, target)

    def truncate(self, descriptor: int, size: int) -> None:
        self._called()
        super().truncate(descriptor, size)

    def utime(self, path: Path) -> None:
        self._called(path)
        super().utime(path)

    def unlink(self, path: Path) -> None:
        self._called(path)
        super().unlink(path)

    def flock(self, descriptor: int, kind: int) -> None:
        self._called()
        super().flock(descriptor, kind)


resumed: set[object] = set()  # from what content of the folder


class Ended(NamedTuple):
    """How a run ended: its exit code, negative for a signal, and what it printed."""

    code: int
    printed: str


def run(system: System, config: Path, folder: Path, *, resume: bool) -> Ended:
    """`mlptrain train` with `system`, in a fork of this process."""
    log = folder.with_suffix(".log")
    child = os.fork()
    if child == 0:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os._exit(_command(system, config, folder, ["--resume"] * resume))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Ended(code, log.read_text())


def _command(system: System, config: Path, folder: Path, options: list[str]) -> int:
    files.system = system
    sys.argv = ["mlptrain", "train", str(config), "--run-dir", str(folder), *options]
    code = 1
    try:
        app.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def check_fault(
    way: str, k: int, calls: int, config: Path, reference: Path, folder: Path
) -> Iterator[str]:
    """What is wrong after the k-th of `calls` calls failed, and after the run was resumed."""
    ended = run(FaultySystem(way, k), config, folder, resume=False)
    yield from wrong_end(ended, way, folder, may_finish=k > calls)
    if ended.code == FILE_SYSTEM and temporary(folder):
        yield f"temporary files after an error: {temporary(folder)}"
    if way == "short" and ended.code == DONE and (names := differing(folder, reference)):
        yield f"differ without a fault: {names}"
    yield from wrong_resumption(config, reference, folder)


def wrong_end(ended: Ended, way: str, folder: Path, *, may_finish: bool) -> Iterator[str]:
    """What is wrong with the way a run ended whose system failed in `way`."""
    expected = {"kill": KILLED, "half": KILLED, "short": DONE}.get(way, FILE_SYSTEM)
    if ended.code != expected and not (may_finish and ended.code == DONE):
        yield f"exit code {ended.code}: {ended.printed}"
    if ended.code == FILE_SYSTEM:
        message = ended.printed.splitlines()[-1]
        reason = os.strerror(getattr(errno, way))
        if folder.name not in message or reason not in message:
            yield f"unclear message: {message}"


def wrong_resumption(config: Path, reference: Path, folder: Path) -> Iterator[str]:
    """What is wrong with a disturbed run's folder, now and after it was resumed."""
    content = folder.exists() and frozenset(
        (path.name, path.name == ".lock" or BY_THE_CLOCK.sub(b"", path.read_bytes()))
        for path in folder.iterdir()
    )
    if content in resumed:
        return
    resumed.add(content)
    if names := broken(folder, reference):
        yield f"broken files: {names}"
    before = [name for name in STATES if (folder / name).exists()]
    ended = run(System(), config, folder, resume=True)
    if ended.code != DONE:
        yield f"resume ended with {ended.code}: {ended.printed}"
    if names := [name for name in before if not (folder / name).exists()]:
        yield f"lost by resume: {names}"
    if names := temporary(folder):
        yield f"temporary files: {names}"
    if names := differing(folder, reference):
        yield f"differing files: {names}"


def check_pair(seed: int, calls: int, config: Path, reference: Path, folder: Path) -> Iterator[str]:
    """What is wrong after a random fault in the run and another one while it is resumed."""
    random_ = random.Random(seed)
    for resume in (False, True):
        way, k = random_.choice(FAULTS), random_.randint(1, calls)
        ended = run(FaultySystem(way, k), config, folder, resume=resume)
        found = wrong_end(ended, way, folder, may_finish=resume)
        yield from (f"{way} at {k}: {what}" for what in found)
        if names := broken(folder, reference):
            yield f"{way} at {k}: broken files: {names}"
    yield from wrong_resumption(config, reference, folder)


def main(project: Path) -> dict[str, Any]:
    """Do all of it."""
    config = make_project(project)
    reference = project / "reference"
    counting = FaultySystem("EIO", 0)
    if _command(counting, config, reference, []) != DONE:
        raise SystemExit("the undisturbed run failed")
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
        raise SystemExit("a fork keeps only one thread; set OPENBLAS_NUM_THREADS=1")
    n = counting.calls
    cases = [(way, k) for k in range(1, n + 2) for way in ("kill", "ENOSPC", "EIO")]
    cases += [(way, k) for k in sorted(counting.writes) for way in ("half", "short")]
    cases += [("pair", k) for k in range(n // 3)]
    wrong = [what for way, k in cases for what in _checked(way, k, n, config, reference)]
    counts = Counter(way for way, _ in cases)
    return {"calls": n, "cases": counts, "resumed": len(resumed), "wrong": wrong}


def _checked(way: str, k: int, calls: int, config: Path, reference: Path) -> list[str]:
    folder = reference.with_name(f"{way}-{k}")
    if way == "pair":
        found = list(check_pair(k, calls, config, reference, folder))
    else:
        found = list(check_fault(way, k, calls, config, reference, folder))
    shutil.rmtree(folder, ignore_errors=True)
    return [f"{way} {k}: {what}" for what in found]


if __name__ == "__main__":
    standard_output = os.dup(1)
    os.dup2(2, 1)
    result = main(Path(sys.argv[1]))
    with os.fdopen(standard_output, "w") as out:
        print(json.dumps(result), file=out)

"""The run folder: everything one training run leaves behind.

    config.yaml                         the complete config; training from it repeats the run
    split.csv                           which example went where, see `split_table`
    metrics.jsonl                       one line per epoch
    best.safetensors, last.safetensors  complete states (see `checkpoint`)
    summary.json                        final metrics, best epoch, why it stopped, environment
    .lock                               held while a process trains here

Each epoch writes metrics, then best, then last. `last` records how many epochs are complete, so
whatever a killed process wrote of a later epoch is cut off or written again.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlptrain import files
from mlptrain.data.sources.leftovers import is_left_behind
from mlptrain.errors import FileSystemError, RunFolderError
from mlptrain.paths import folders_in, is_folder, look, names_in, read_file, reported
from mlptrain.text import show_path

RUNS = Path("runs")
BEST = "best.safetensors"
LAST = "last.safetensors"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
SPLIT = "split.csv"
INPUTS = ("config.yaml", SPLIT)
MAX_SUMMARY_BYTES = 1 << 28
FILES = (*INPUTS, METRICS, BEST, LAST, SUMMARY)


class RunFolder:
    """A run folder that this process may write to; made by `open_run`. `locked`: whether it is
    locked against other processes, which some file systems cannot do."""

    def __init__(self, path: Path, *, locked: bool) -> None:
        self.path, self.locked = path, locked
        self.best = path / BEST
        self.last = path / LAST

    def write_inputs(self, config: str, split: bytes) -> None:
        """Write config.yaml and split.csv."""
        for name, data in zip(INPUTS, (config.encode(), split), strict=True):
            files.write_whole(self.path / name, data)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one epoch's line to metrics.jsonl."""
        files.append_line(self.path / METRICS, json.dumps(row, allow_nan=False).encode())

    def rewind(self, epochs: int, *, finished: bool) -> None:
        """Delete what was written after the first `epochs` epochs, and, unless `finished`, the
        summary."""
        files.keep_lines(self.path / METRICS, epochs)
        if epochs == 0:
            files.remove(self.best)
        if not finished:
            files.remove(self.path / SUMMARY)

    def has_summary(self) -> bool:
        """Whether the run is over: summary.json exists."""
        return os.path.lexists(self.path / SUMMARY)

    def summary(self) -> dict[str, Any]:
        """The content of summary.json."""
        with reported(self.path / SUMMARY, FileSystemError):
            found: dict[str, Any] = json.loads(
                read_file(str(self.path / SUMMARY), MAX_SUMMARY_BYTES)
            )
        return found

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json, which marks the run as over."""
        text = json.dumps(summary, allow_nan=False, indent=2) + "\n"
        files.write_whole(self.path / SUMMARY, text.encode())

    def require_space(self, checkpoint_bytes: int) -> None:
        """Raise FileSystemError unless there is room for best and last, where they do not exist
        yet, and for the temporary file that replaces one of them."""
        with reported(self.path, FileSystemError):
            missing = sum(look(path) is None for path in (self.best, self.last))
        needed, free = (missing + 1) * checkpoint_bytes, files.free_bytes(self.path)
        if free < needed:
            raise FileSystemError(
                f"{show_path(self.path)}: the run's checkpoints need {needed:,} bytes, "
                f"{free:,} are free. Free some space, or name another folder with --run-dir."
            )


@contextmanager
def open_run(name: str, run_dir: Path | None, *, resume: bool) -> Iterator[RunFolder]:
    """Lock a run folder for this process until the context is left.

    It is `run_dir`, created if missing, or the next free runs/<name>-NNN. Raises RunFolderError if
    the folder is locked; without `resume`, if it is not empty; with `resume`, if it holds files
    that are not a run's."""
    if run_dir is None:
        path = _make_next(name)
    else:
        path = run_dir
        files.make_folder(path)
    if resume:
        _refuse_foreign(path)
    with files.locked(path) as held:
        if not resume:
            _refuse_used(path)
        files.remove_temporary_files(path / name for name in FILES)
        yield RunFolder(path, locked=held)


def existing_run(name: str, run_dir: Path | None) -> Path | None:
    """The folder to resume: `run_dir` if it exists, or the latest runs/<name>-NNN."""
    if run_dir is None:
        return _latest(name)
    return run_dir if _is_there(run_dir) else None


def is_of_a_run(path: Path) -> bool:
    """Whether `path` is one of the files that a run keeps in its folder."""
    with reported(path, FileSystemError):
        return path.name in FILES and is_a_run(names_in(path.parent))


def is_a_run(names: Iterable[str]) -> bool:
    """Whether a folder that holds files of these `names` is that of a run."""
    return not {files.LOCK, METRICS, BEST, LAST, SUMMARY}.isdisjoint(names)


def check_free(run_dir: Path) -> None:
    """Raise RunFolderError if a new run cannot use `run_dir`. Called before data is read."""
    if _is_there(run_dir) and _in_use(run_dir):
        files.refuse_locked(run_dir)
        _refuse_used(run_dir)


def _is_there(folder: Path) -> bool:
    with reported(folder, FileSystemError):
        return is_folder(folder)


def _names(folder: Path) -> list[str]:
    with reported(folder, FileSystemError):
        return names_in(folder)


def _refuse_used(folder: Path) -> None:
    if _in_use(folder):
        locked = os.path.lexists(folder / files.LOCK)
        resume = "Add --resume to resume its run, or name" if locked else "Name"
        raise RunFolderError(
            f"{show_path(folder)}: exists already and is not empty. "
            f"{resume} another folder with --run-dir."
        )


def _in_use(folder: Path) -> bool:
    """Whether `folder` holds anything besides a lock and system files, which a fresh volume has."""
    return any(name != files.LOCK and not is_left_behind(name) for name in _names(folder))


def _refuse_foreign(folder: Path) -> None:
    """Raise RunFolderError if `folder` has files named like a run's but no lock file: a run creates
    its lock first, so these files are not a run's and must not be overwritten."""
    names = set(_names(folder))
    found = [name for name in FILES if name in names]
    if found and not names & {files.LOCK, LAST}:
        raise RunFolderError(
            f"{show_path(folder)}: is not the folder of a run, but holds {found[0]}, which a run "
            "would overwrite. Name another folder with --run-dir."
        )


def _numbered(name: str) -> dict[int, Path]:
    """The folders runs/<name>-NNN by number."""
    pattern = re.compile(re.escape(name) + r"-(\d{3,})")
    with reported(RUNS, FileSystemError):
        names = folders_in(RUNS) if is_folder(RUNS) else []
    matches = map(pattern.fullmatch, names)
    return {int(match[1]): RUNS / match[0] for match in matches if match}


def _latest(name: str) -> Path | None:
    runs = _numbered(name)
    return runs[max(runs)] if runs else None


def _make_next(name: str) -> Path:
    number = max(_numbered(name), default=0) + 1
    while not files.make_folder(path := RUNS / f"{name}-{number:03d}"):
        number += 1
    return path

"""Which checkpoint file the user means: by a run folder, by a file, or by naming nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

from mlptrain.errors import ModelFileError
from mlptrain.files import LOCK
from mlptrain.paths import UnreadableError, folders_in, is_folder, look, names_in, reported
from mlptrain.text import show_path
from mlptrain.training.run_folder import BEST, LAST, METRICS, RUNS

EXPECTED = "Expected is a run folder, as mlptrain train makes it, or a checkpoint file in one."
_OF_A_RUN = {LOCK, LAST, METRICS}
_MOST_SHOWN = 3


def find_checkpoint(place: Path | None) -> Path:
    """The checkpoint file that `place` names: a file, or a run folder's best; with None, the best
    of the latest run below the current folder. Raises ModelFileError if there is none."""
    if place is None:
        return _latest_run() / BEST
    with reported(place, ModelFileError):
        if not is_folder(place):
            return place
        if look(place / BEST) is not None:
            return place / BEST
        raise ModelFileError(f"{show_path(place)}: {_description(place)}")


def _description(folder: Path) -> str:
    """What `folder` is, in which there is no best checkpoint, and what to do."""
    names = set(names_in(folder))
    if names & _OF_A_RUN:
        other = f", or name {show_path(folder / LAST)}" if LAST in names else ""
        return f"holds no {BEST}: no epoch of this run was finished. Resume the run{other}."
    runs = list(_runs_in(folder))
    if runs:
        latest = show_path(max(runs)[-1])
        return f"holds runs, but is not one. Name one of them; the latest is {latest}."
    if not names:
        return f"is an empty folder. {EXPECTED}"
    shown = [show_path(name) for name in sorted(names)[:_MOST_SHOWN]]
    more = ["…"] if len(names) > _MOST_SHOWN else []
    return f"is not a run folder: it holds {', '.join(shown + more)} and no {BEST}. {EXPECTED}"


def _latest_run() -> Path:
    """Of the runs in the current folder and in runs/, the one that saved its state last."""
    found: list[tuple[int, list[str | int], Path]] = []
    for place in (Path(), RUNS):
        with reported(place, ModelFileError):
            found += _runs_in(place) if is_folder(place) else ()
    if not found:
        raise ModelFileError(
            f"there is no trained run in the current folder or in {RUNS}/. "
            "Name a run folder or a checkpoint file."
        )
    return max(found)[-1]


def _runs_in(folder: Path) -> Iterator[tuple[int, list[str | int], Path]]:
    """The run folders in `folder` that have a best checkpoint, each after what orders them: when
    it saved a state last, in ns, and, for equal times, its name, in which numbers count as such. A
    folder that one may not look into is none."""
    for name in folders_in(folder):
        try:
            best, last = (look(folder / name / state) for state in (BEST, LAST))
        except UnreadableError:
            continue
        if best is not None:
            saved = max(status.st_mtime_ns for status in (best, last) if status is not None)
            parts = re.split(r"(\d+)", name)
            yield saved, [int(p) if p.isdecimal() else p for p in parts], folder / name

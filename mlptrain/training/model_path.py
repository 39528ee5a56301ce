"""Which checkpoint file to use: one named by its path or by its run folder, or the latest."""

from collections.abc import Iterator
from pathlib import Path

from mlptrain.errors import ModelFileError
from mlptrain.paths import UnreadableError, folders_in, is_folder, look, names_in, reported
from mlptrain.text import natural, show_path
from mlptrain.training.run_folder import BEST, LAST, RUNS, SUMMARY, is_a_run

EXPECTED = "Expected is a run folder, as mlptrain train makes it, or a checkpoint file in one."
_AGAIN = "Train again, in another folder."
_MOST_SHOWN = 3


def find_checkpoint(place: Path | None) -> Path:
    """The checkpoint at `place`: the file itself, or a run folder's best checkpoint. With None, the
    best one of the latest run below the current folder. Raises ModelFileError if there is none."""
    if place is None:
        return _latest_run() / BEST
    with reported(place, ModelFileError):
        if not is_folder(place):
            return place
        if look(place / BEST) is not None:
            return place / BEST
        raise ModelFileError(f"{show_path(place)}: {_description(place)}")


def _description(folder: Path) -> str:
    """Describe `folder`, which has no best checkpoint, and say what to do."""
    names = set(names_in(folder))
    if SUMMARY in names:
        advice = f"Restore it, or name {show_path(folder / LAST)}." if LAST in names else _AGAIN
        return f"holds no {BEST}, though its run has ended. {advice}"
    if is_a_run(names):
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
    """The run in the current folder or in runs/ that saved its state last."""
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
    """The run folders in `folder` with a best checkpoint, each after its sort key: the time of its
    last save in ns, then its name with digits compared as numbers. An unreadable `folder` has no
    runs."""
    for name in folders_in(folder):
        try:
            best, last = (look(folder / name / state) for state in (BEST, LAST))
        except UnreadableError:
            continue
        if best is not None:
            saved = max(status.st_mtime_ns for status in (best, last) if status is not None)
            yield saved, natural(name), folder / name

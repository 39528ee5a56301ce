"""The runs in a folder: what each is, how far it got and how good it is, without its arrays.

The config and the progress are read from the header of a checkpoint, which takes a thousandth of
the time that YAML takes; the rest from summary.json, which a finished run has.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mlptrain.comparison.settings import Settings, settings_of
from mlptrain.errors import DataError, RunFolderError, UsageError
from mlptrain.files import refuse_locked
from mlptrain.paths import folders_in, is_folder, look, names_in, reported
from mlptrain.tasks.task import tasks
from mlptrain.text import exact, natural, show_path
from mlptrain.training.header import read_document
from mlptrain.training.run_folder import BEST, LAST, SUMMARY, is_a_run
from mlptrain.training.run_record import read_summary


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class _Progress(_Part):
    epoch: int = 0
    best_epoch: int = 0
    best_value: float | None = None


class _Header(_Part):
    config: dict[str, Any]
    progress: _Progress


@dataclass(frozen=True)
class RunRow:
    """A run.

    Attributes:
        name: its folder's name.
        state: running, stopped, or, if it is finished, why it ended: epochs, early_stopping, …
        settings: its config, by key; empty before its first epoch.
        epoch, best_epoch: how many epochs are done, and the best of them.
        monitor, best_value: the metric that decides which is the best, and its value there; the
            name is known when the run is finished.
        test: the metrics of the test split by name.
        set: the values of --set, known when it is finished.
    """

    name: str
    state: str
    settings: Settings
    epoch: int
    best_epoch: int
    monitor: str
    best_value: float | None
    test: dict[str, float | None]
    set: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The metric of the test split to show; "" without one."""
        task = str(self.settings.get("task.type"))
        name = tasks[task].headline if task in tasks else ""
        return name if name in self.test else ""

    def record(self, keys: list[str]) -> dict[str, Any]:
        """As values that JSON has, with the settings of `keys`."""
        return {
            **vars(self),
            "name": exact(self.name),
            "monitor": self.monitor or None,
            "test": self.test or None,
            "settings": {key: self.settings.get(key) for key in keys},
        }


def runs_in(folder: Path) -> tuple[list[RunRow], list[str]]:
    """The runs in `folder`, by name with digits compared as numbers, and notes on what else is
    there. Raises UsageError if there is no such folder, or it is a run itself."""
    with reported(folder, UsageError):
        if not is_folder(folder):
            raise UsageError(
                f"{show_path(folder)}: is not a folder. Name the folder that holds the runs; "
                "mlptrain train makes them in runs/."
            )
        if is_a_run(names_in(folder)):
            raise UsageError(
                f"{show_path(folder)}: is a run. Name the folder around it, which holds others."
            )
        names = folders_in(folder)
    rows, notes = [], []
    for name in sorted(names, key=natural):
        place = folder / name
        try:
            rows.append(_row(place))
        except DataError as error:
            notes.append(f"{error}; left out")
    return rows, notes


def _row(place: Path) -> RunRow:
    """The run in the folder `place`. Raises DataError if there is none, or it is damaged."""
    with reported(place, DataError):
        there = set(names_in(place))
    if not is_a_run(there):
        raise DataError(f"{show_path(place)}: is not a run folder")
    header = _header(place)
    with reported(place / SUMMARY, DataError):
        summary = read_summary(place / SUMMARY) if SUMMARY in there else None
    progress = summary or (header.progress if header else _Progress())
    running = "running" if _is_running(place) else ""
    return RunRow(
        place.name,
        running or (summary.reason if summary else "stopped"),
        settings_of(header.config) if header else {},
        progress.epoch,
        progress.best_epoch,
        summary.monitor if summary else "",
        progress.best_value,
        summary.test or {} if summary else {},
        summary.set if summary else (),
    )


def _is_running(place: Path) -> bool:
    try:
        refuse_locked(place)
    except RunFolderError:
        return True
    return False


def _header(place: Path) -> _Header | None:
    """What the last checkpoint says, or the best one if there is no last; None before the first
    epoch. Raises DataError."""
    for name in (LAST, BEST):
        with reported(place / name, DataError):
            if look(place / name) is None:
                continue
        try:
            return _Header.model_validate_json(
                json.dumps(read_document(place / name), allow_nan=False)
            )
        except (ValueError, LookupError, TypeError, RecursionError):
            raise DataError(f"{show_path(place / name)}: is no checkpoint, or is damaged") from None
    return None

"""Training a run again from its folder, and comparing what comes out."""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlptrain.config.load import load_config
from mlptrain.errors import DataError, UsageError
from mlptrain.paths import is_file, is_folder, read_file, reported
from mlptrain.tasks.metrics.measure import finite, metrics_for
from mlptrain.text import show_path
from mlptrain.training import checkpoint, split_table
from mlptrain.training.checkpoint import Checkpoint, State
from mlptrain.training.datasets import Reading
from mlptrain.training.events import EpochDone, Finished
from mlptrain.training.fitting import Fitting
from mlptrain.training.run_folder import BEST, LAST, METRICS, SPLIT, SUMMARY
from mlptrain.training.run_record import Summary, read_epochs, read_summary
from mlptrain.training.setup import prepare_fitting

CLOCK = {"seconds", "examples_per_second"}  # of an epoch's metrics: never the same twice
MAX_SPLIT_BYTES = 1 << 32


class Difference(NamedTuple):
    """The first thing that differs: the file that holds it, the epoch (0: before the first), what
    it is, and its values in the run and now."""

    file: str
    epoch: int
    key: str
    then: Any
    now: Any


@dataclass(frozen=True)
class Reproduction:
    """The comparison of a run with the same training now.

    Attributes:
        epochs: how many epochs were compared.
        difference: the first difference; None: there is none.
        circumstances: what the results may depend on and is not as it was: name, then and now.
    """

    epochs: int
    difference: Difference | None
    circumstances: dict[str, tuple[Any, Any]]

    @property
    def record(self) -> dict[str, Any]:
        """It as values that JSON has."""
        changed = self.circumstances.items()
        return {
            "identical": self.difference is None,
            "epochs": self.epochs,
            "difference": self.difference and self.difference._asdict(),
            "circumstances": {name: {"then": then, "now": now} for name, (then, now) in changed},
        }


def reproduce(run: Path, reading: Reading) -> Reproduction:
    """Train again what the folder `run` holds, with its kernels and threads, up to the first
    difference. Writes nothing. Raises DataError if the data is not what it was, and UsageError if
    the run has not ended."""
    with reported(run, UsageError):
        if not is_folder(run):
            raise UsageError(f"{show_path(run)}: is not a run folder. Name one.")
    given = load_config(run / "config.yaml")
    with reported(run, UsageError):
        if not is_file(run / SUMMARY):
            raise UsageError(f"{show_path(run)}: has no {SUMMARY}, so it has not ended. Resume it.")
    with reported(run / SUMMARY, DataError):
        summary = read_summary(run / SUMMARY)
    with reported(run / METRICS, DataError):
        recorded = read_epochs(run / METRICS)
    with reported(run / SPLIT, DataError):
        split = read_file(str(run / SPLIT), MAX_SPLIT_BYTES)
    best, last = checkpoint.load(run / BEST), checkpoint.load(run / LAST)
    fitting = prepare_fitting(given, reading, like=last.state)
    _require_same_data(run, fitting, last.state)
    state = fitting.state(fitting.trainer.progress)
    changed = _changed(_circumstances(last.state), _circumstances(state))
    found = _of_split(split, fitting) or _first_difference(fitting, recorded, summary, (best, last))
    return Reproduction(fitting.trainer.progress.epoch, found, changed)


def _require_same_data(run: Path, fitting: Fitting, then: State) -> None:
    if changed := sorted(_changed(then.fingerprints, fitting.fingerprints)):
        which = f"{' and '.join(changed)} {fitting.splits.train.words.many}"
        raise DataError(
            f"{show_path(run)}: the {which} are not those of the run, so it cannot be reproduced. "
            f"mlptrain eval {show_path(run)} --split {changed[0]} names them. Restore them."
        )


def _changed(then: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, with both values."""
    keys = (*then, *(key for key in now if key not in then))
    return {k: (then.get(k), now.get(k)) for k in keys if then.get(k) != now.get(k)}


def _circumstances(state: State) -> dict[str, Any]:
    """What results depend on besides config and data."""
    own = {"kernels": state.kernels, "threads": state.threads}
    start = state.init_from
    return {
        **state.environment,
        **own,
        **{f"plug-in {name}": digest for name, digest in state.plugins.items()},
        **({"init_from": start.sha256} if start else {}),
    }


def _first_difference(
    fitting: Fitting,
    recorded: list[dict[str, Any]],
    summary: Summary,
    saved: tuple[Checkpoint, Checkpoint],
) -> Difference | None:
    """Train until something differs from what the run has recorded."""
    for event in fitting.train():
        if isinstance(event, EpochDone):
            epoch = fitting.trainer.progress.epoch
            if found := _of_metrics(recorded, epoch, event.metrics.line()):
                return found
            for each in saved:
                if each.state.progress.epoch == epoch and (found := _of_state(each, fitting)):
                    return found
        elif isinstance(event, Finished):
            return _of_end(recorded, summary, event)
    raise AssertionError("training ends with Finished")


def _of_split(recorded: bytes, fitting: Fitting) -> Difference | None:
    lines, now = recorded.split(b"\n"), split_table.encode(fitting.splits).split(b"\n")
    for number, (one, other) in enumerate(zip_longest(lines, now, fillvalue=b""), start=1):
        if one != other:
            texts = (each.decode(errors="backslashreplace") for each in (one, other))
            return Difference(SPLIT, 0, f"line {number}", *texts)
    return None


def _of_metrics(
    recorded: list[dict[str, Any]], epoch: int, line: dict[str, Any]
) -> Difference | None:
    if epoch > len(recorded):
        return Difference(METRICS, epoch, "epoch", None, epoch)
    for key, values in _changed(recorded[epoch - 1], line).items():
        if key not in CLOCK:
            return Difference(METRICS, epoch, key, *values)
    return None


def _of_end(recorded: list[dict[str, Any]], summary: Summary, end: Finished) -> Difference | None:
    test = finite(metrics_for(end.test)) if end.test else {}
    now = {"epoch": end.epoch, "reason": end.reason, **{f"test.{k}": test[k] for k in test}}
    tested = summary.test or {}
    then: dict[str, Any] = {"epoch": len(recorded), "reason": summary.reason}
    then |= {f"test.{k}": tested[k] for k in tested}
    for key, values in _changed(then, now).items():
        return Difference(SUMMARY, end.epoch, key, *values)
    return None


def _of_state(saved: Checkpoint, fitting: Fitting) -> Difference | None:
    """Arrays bit by bit, and counters."""
    epoch, trainer = fitting.trainer.progress.epoch, fitting.trainer
    fetch, state = trainer.model.arena.backend.fetch, trainer.state()
    then = {"parameters": saved.parameters, "optimizer": saved.optimizer}
    then["state"] = saved.layer_state
    for group, arrays in state.items():
        for name, array in arrays.items():
            one, other = then[group][name].reshape(-1), fetch(array).reshape(-1)
            bits = f"u{one.itemsize}"  # -0 is not 0 here
            for index in np.flatnonzero(one.view(bits) != other.view(bits))[:1].tolist():
                key = f"{group}/{name}[{index}]"
                values = float(one[index]), float(other[index])
                return Difference(saved.path.name, epoch, key, *values)
    now = fitting.state(trainer.progress).model_dump(mode="json")["progress"]
    before = saved.state.model_dump(mode="json")["progress"]
    for key, both in _changed(before, now).items():
        return Difference(saved.path.name, epoch, key, *both)
    return None

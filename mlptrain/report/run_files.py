"""What a run folder says of its run, besides the checkpoints: as much as is there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlptrain.paths import UnreadableError, read_file
from mlptrain.training.run_folder import INPUTS, METRICS, SUMMARY
from mlptrain.training.run_record import Summary, read_epochs, read_summary

_MAX_CONFIG_BYTES = 1 << 30
Found = TypeVar("Found")


@dataclass(frozen=True)
class RunFiles:
    """The files of a run.

    Attributes:
        epochs: the lines of metrics.jsonl.
        summary: summary.json; None while the run is not over.
        config: the text of config.yaml.
        missing: the names of those that cannot be read, each with the reason.
    """

    epochs: tuple[dict[str, Any], ...]
    summary: Summary | None
    config: str
    missing: tuple[str, ...]


def read_run(folder: Path) -> RunFiles:
    """What can be read of the run in `folder`."""
    missing: list[str] = []

    def read(name: str, reader: Callable[[Path], Found]) -> Found | None:
        try:
            return reader(folder / name)
        except (UnreadableError, UnicodeDecodeError) as error:
            missing.append(f"{name}: {error}")
            return None

    epochs, summary = read(METRICS, read_epochs) or (), read(SUMMARY, read_summary)
    return RunFiles(tuple(epochs), summary, read(INPUTS[0], _text) or "", tuple(missing))


def _text(path: Path) -> str:
    return read_file(os.fspath(path), _MAX_CONFIG_BYTES).decode()

"""What a run folder says of its run, besides the checkpoints: as much as is there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlptrain.paths import UnreadableError, read_file
from mlptrain.training.run_folder import INPUTS, MAX_METRICS_BYTES, METRICS, SUMMARY


@dataclass(frozen=True)
class RunFiles:
    """The files of a run.

    Attributes:
        epochs: the lines of metrics.jsonl.
        summary: summary.json; empty while the run is not over.
        config: the text of config.yaml.
        missing: the names of those that cannot be read, each with the reason.
    """

    epochs: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    config: str
    missing: tuple[str, ...]


def read_run(folder: Path) -> RunFiles:
    """What can be read of the run in `folder`."""
    missing: list[str] = []

    def text(name: str) -> str:
        try:
            return read_file(os.fspath(folder / name), MAX_METRICS_BYTES).decode()
        except (UnreadableError, UnicodeDecodeError) as error:
            missing.append(f"{name}: {error}")
            return ""

    def parsed(name: str, lines: list[str]) -> list[Any]:
        try:
            found = [json.loads(line) for line in lines]
            if all(isinstance(each, dict) for each in found):
                return found
            missing.append(f"{name}: is not as mlptrain writes it")
        except (ValueError, RecursionError) as error:
            missing.append(f"{name}: {error}")
        return []

    whole_lines = [line for line in text(METRICS).splitlines(keepends=True) if line.endswith("\n")]
    epochs, summary = parsed(METRICS, whole_lines), text(SUMMARY)
    about = parsed(SUMMARY, [summary]) if summary else []
    return RunFiles(tuple(epochs), about[0] if about else {}, text(INPUTS[0]), tuple(missing))

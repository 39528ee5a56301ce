"""The test examples of every task as files and as arrays, and the command line to compare with."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from forks import Forked
from PIL import Image
from task_runs import scenes


class Trained(NamedTuple):
    """A run of the command line in `folder`/run, and its twelve test examples: their files, and
    arrays as a Python user would have them."""

    folder: Path
    files: list[str]
    x: np.ndarray
    y: Any

    @property
    def run(self) -> Path:
        return self.folder / "run"


def command_line(folder: Path, *arguments: str) -> str:
    """What `mlptrain` with these arguments prints on stdout."""
    process = Forked(arguments, cwd=folder, env=os.environ)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def targets(task: str, rows: list[dict[str, str]]) -> Any:
    """The targets of `task` in the table `rows` as arrays or lists."""
    match task:
        case "classification":
            return ["night" if "night" in row["labels"] else "day" for row in rows]
        case "multi_label":
            return [row["labels"].split("|") if row["labels"] else [] for row in rows]
        case "regression":
            return [[float(row["angle"]), float(row["length"])] for row in rows]
        case "segmentation":
            return np.array([np.asarray(Image.open(row["mask"])) for row in rows])
    return None


def examples(task: str, split: str, count: int) -> tuple[list[str], np.ndarray, Any]:
    """The first files of a split, their pixels (n, H, W, C), and their targets."""
    rows = scenes(split, count)
    files = [row["filepath"] for row in rows]
    x = np.array([np.asarray(Image.open(file)) for file in files])
    return files, x, targets(task, rows)

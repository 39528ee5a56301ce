"""Training runs on random arrays, in this process, from a config given as a mapping.

23 examples of 4 numbers with labels 0 to 2 are in train.npz, 9 in held_out.npz."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mlptrain.training.events import EpochDone
from mlptrain.training.run import Run
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest

N, HELD_OUT, WIDTH, CLASSES = 23, 9, 4, 3


def write_data(folder: Path) -> None:
    """Write the two files of examples."""
    random = np.random.default_rng(0)
    for name, count in (("train", N), ("held_out", HELD_OUT)):
        labels = np.arange(count) % CLASSES
        x = random.normal(size=(count, WIDTH)) + labels[:, None]
        np.savez(folder / f"{name}.npz", x=x, y=labels)


def settings(**changes: Any) -> dict[str, Any]:
    """A config; `changes` replace keys of `training`, or whole sections."""
    sections = {name: changes.pop(name) for name in ("data", "model", "task") if name in changes}
    data = {"train": "train.npz", "validation": "held_out.npz"}
    training = {"epochs": 3, "batch_size": 5, "early_stopping": None, "threads": 1, **changes}
    return {"data": data, "model": {"hidden_layers": [4]}, "training": training, **sections}


def opened(folder: Path, config: dict[str, Any], run: str = "run", *, resume: bool = False) -> Any:
    """A context with the run `run` of `config`, prepared in `folder`."""
    path = folder / "c.yaml"
    path.write_text(json.dumps(config))
    return prepare_run(path, (), folder / run, resume=resume, reading=lambda *_: None)


def train(folder: Path, config: dict[str, Any], run: str = "run", *, resume: bool = False) -> Run:
    """The run, trained to its end."""
    with opened(folder, config, run, resume=resume) as job:
        list(job.train(StopRequest()))
        return job  # type: ignore[no-any-return]


def interrupted(folder: Path, config: dict[str, Any], run: str, *, after: int) -> Run:
    """The run, left as a killed process leaves it, `after` epochs."""
    with opened(folder, config, run) as job:
        for event in job.train(StopRequest()):
            if isinstance(event, EpochDone) and event.metrics.epoch == after:
                return job  # type: ignore[no-any-return]
    raise AssertionError(f"ended before epoch {after}")


def metrics(folder: Path, run: str = "run") -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what the clock decides."""
    lines = (folder / run / "metrics.jsonl").read_text().splitlines()
    clock = ("seconds", "examples_per_second")
    return [{k: v for k, v in json.loads(line).items() if k not in clock} for line in lines]


def require_same(folder: Path, one: str, other: str) -> None:
    """Assert that two runs left the same states, metrics and summary."""
    for name in ("best.safetensors", "last.safetensors", "summary.json"):
        assert (folder / one / name).read_bytes() == (folder / other / name).read_bytes(), name
    assert metrics(folder, one) == metrics(folder, other)

"""What a run is, told before its first epoch: data, run folder, machine, layers."""

import math
from collections.abc import Iterator

from mlptrain.cli.layout import plural
from mlptrain.text import show_path
from mlptrain.training.job import Job
from mlptrain.training.machine import blas


def data(job: Job) -> list[str]:
    """What it is trained on."""
    train = job.splits.train
    return [
        show_path(train.root),
        f"{len(train.class_names)} classes",
        _shape(job),
        " · ".join(f"{name} {len(dataset):,}" for name, dataset in job.splits),
    ]


def run(job: Job, *, resume: bool) -> list[str]:
    """Where the run is kept, and what its numbers depend on."""
    epochs = plural(job.config.training.epochs, "epoch")
    computing = f"{plural(job.threads, 'thread')}, {job.backend.kernels} kernels"
    return [
        show_path(job.folder.path),
        *([_resumed(job)] if resume else []),
        epochs,
        f"seed {job.config.seed}",
        computing,
        blas(),
    ]


def _resumed(job: Job) -> str:
    if job.reason_to_stop():
        return "finished before"
    if job.progress.step:
        return f"resumed at epoch {job.progress.epoch + 1}, step {job.progress.step}"
    return "nothing to resume"


def nothing_to_resume(job: Job) -> str | None:
    """What a user who asks to resume a run should not miss: that there is nothing to resume."""
    folder, progress = show_path(job.folder.path), job.progress
    if job.reason_to_stop():
        return f"nothing to resume: {folder} is finished, after {plural(progress.epoch, 'epoch')}"
    if not progress.step:
        return (
            f"warning: nothing to resume: {folder} holds no saved state; training starts from the "
            "beginning"
        )
    return None


def _shape(job: Job) -> str:
    return "×".join(map(str, job.splits.image.shape))


def network(job: Job) -> Iterator[tuple[str, ...]]:
    """A row per layer: what it makes of how many values, and how many parameters it has."""
    yield "layer", "", "shape", "parameters"
    yield "input", "", f"{_shape(job)} → {job.model.inputs}", ""
    for placed in job.model.layers:
        count = sum(math.prod(shape) for shape in placed.shapes().values())
        last = placed is job.model.layers[-1]
        yield (
            placed.name,
            "softmax" if last else placed.layer.summary(),
            f"{placed.inputs} → {placed.outputs}",
            f"{count:,}" if count else "",
        )
    yield "", "", "", f"{job.model.arena.values.size:,}"

"""The header printed before a run's first epoch: data, run folder, machine, layers."""

from collections.abc import Iterator

from mlptrain.cli.layout import plural
from mlptrain.text import show_path
from mlptrain.training.environment import blas
from mlptrain.training.layer_table import layer_rows, sides
from mlptrain.training.run import Run


def data(run: Run) -> list[str]:
    """The data it is trained on."""
    train = run.splits.train
    return [
        show_path(train.array[0] if train.array else train.root),
        *([plural(len(train.targets.names), run.config.task.noun)] if train.targets.names else []),
        _shape(run),
        " · ".join(f"{name} {len(dataset):,}" for name, dataset in run.splits),
    ]


def run(run: Run, *, resume: bool) -> list[str]:
    """The run folder, and what the results depend on."""
    epochs = plural(run.config.training.epochs, "epoch")
    computing = f"{plural(run.threads, 'thread')}, {run.backend.kernels} kernels"
    if run.config.training.precision != "float32":
        computing += f", {run.config.training.precision}"
    if run.model.matmul_precision != "float32":
        computing += f", {run.model.matmul_precision} products"
    size = run.trainer.descent.examples_per_update
    return [
        show_path(run.folder.path),
        *([_resumed(run)] if resume else []),
        epochs,
        f"batch size {size:,}",
        f"seed {run.config.seed}",
        computing,
        blas(),
    ]


def _resumed(run: Run) -> str:
    if run.trainer.reason_to_stop():
        return "finished before"
    if run.progress.step:
        return f"resumed at epoch {run.progress.epoch + 1}, step {run.progress.step}"
    return "nothing to resume"


def nothing_to_resume(run: Run) -> str | None:
    """A warning if --resume finds nothing to resume."""
    folder, progress = show_path(run.folder.path), run.progress
    if run.trainer.reason_to_stop():
        return f"nothing to resume: {folder} is finished, after {plural(progress.epoch, 'epoch')}"
    if not progress.step:
        return (
            f"warning: nothing to resume: {folder} holds no saved state; training starts from the "
            "beginning"
        )
    return None


def _shape(run: Run) -> str:
    return sides(run.splits.train.inputs.shape[1:])


def network(run: Run) -> Iterator[tuple[str, ...]]:
    """A row per layer."""
    return layer_rows(run.model, run.splits.train.inputs.shape[1:])

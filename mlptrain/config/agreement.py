"""Rules about several keys of a config; each mistake is a `conflict`."""

from collections.abc import Sequence

from pydantic_core import PydanticCustomError

from mlptrain.functions.losses import Loss, losses
from mlptrain.tasks.task import Task

STOPPING = ("training", "early_stopping")
SCHEDULE = ("training", "optimizer", "schedule")


def refuse_extends(path: str) -> str:
    """Raise ValueError: `path` was not given in a file, where it is followed before this."""
    raise ValueError(f"only a config file can extend another one, here '{path}'")


def require_fitting_loss(task: Task, loss: Loss) -> None:
    """Raise a conflict for a loss that does not fit `task`."""
    if not loss.fits_task(task.type):
        allowed = [name for name in losses if losses[name].fits_task(task.type)]
        raise _conflict(
            f"training.loss: {loss.type} does not fit the task {task.type}; "
            f"its losses are {', '.join(allowed)}",
            ("training", "loss"),
        )


def require_fitting_precisions(precision: str, matmul_precision: str) -> None:
    """Raise a conflict for rounding the factors of float64 products."""
    if precision == "float64" and matmul_precision == "bfloat16":
        raise _conflict(
            "training.matmul_precision: bfloat16 rounds float32 numbers, but training.precision is "
            "float64; remove one of the two",
            ("training", "matmul_precision"),
        )


def require_metric(task: Task, monitor: str) -> None:
    """Raise a conflict for a monitor that is not measured."""
    if monitor in (*task.train_metrics, "val_loss"):
        return  # without loading all metrics
    from mlptrain.tasks.metrics.measure import metric_names, resolve

    split, _, name = monitor.partition("_")
    try:
        if split == "val" and resolve(name, task.kind):
            return
    except ValueError:
        pass
    from mlptrain.config.wording import suggestion  # which loads the YAML reader

    names = [*task.train_metrics, *(f"val_{each}" for each in metric_names(task.kind))]
    raise _conflict(
        f"training.early_stopping.monitor must be {', '.join(task.train_metrics)} or val_ and a "
        f"metric of the task {task.type}, such as val_loss or val_{task.headline}, "
        f"got '{monitor}'; {suggestion(monitor, names)}",
        (*STOPPING, "monitor"),
    )


def require_no_validation(task: Task, at: Sequence[str], monitor: str) -> None:
    """Raise a conflict if the `monitor` of the keys `at` is of a validation split."""
    if monitor.startswith("val_"):
        raise _conflict(
            f"{'.'.join(at)} monitors '{monitor}', but data.validation is null; "
            f"set it, or monitor {' or '.join(task.train_metrics)}",
            (*at, "monitor"),
        )


def _conflict(message: str, at: Sequence[str]) -> PydanticCustomError:
    return PydanticCustomError("conflict", "{message}", {"message": message, "at": (tuple(at),)})

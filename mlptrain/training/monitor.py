"""The metric that decides which epoch is the best, and what can be wrong with it only once the data
are known."""

import math
from collections.abc import Sequence

from mlptrain.errors import ConfigError, DataError
from mlptrain.tasks.metrics.measure import resolve
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import OutcomeKind


def require_part(monitor: str, kind: OutcomeKind, names: Sequence[str]) -> None:
    """Raise ConfigError if `monitor` is of a class, label or number that is not among `names`."""
    split, _, name = monitor.partition("_")
    if split == "val":
        try:
            resolve(name, kind, names)
        except ValueError as error:
            raise ConfigError(f"training.early_stopping.monitor: {error}") from None


def require_value(monitor: str, validation: Outcome) -> None:
    """Raise DataError if `monitor` means nothing for the outcome `validation`."""
    split, _, name = monitor.partition("_")
    if split == "val":
        measure = resolve(name, type(validation), validation.names)
        why = measure.why_undefined(validation)
        if not why and not math.isfinite(measure.value(validation)):
            why = "it is not finite"
        if why:
            raise DataError(
                f"data.validation: no epoch can be judged by {monitor}: {why}. "
                "Monitor val_loss, or change the validation split."
            )

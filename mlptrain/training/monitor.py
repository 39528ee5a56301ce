"""Whether the monitored metric exists, which for one class is known only with the data."""

from collections.abc import Sequence

from mlptrain.errors import ConfigError
from mlptrain.tasks.metrics.measure import resolve
from mlptrain.tasks.task import OutcomeKind


def require_part(monitor: str, kind: OutcomeKind, names: Sequence[str]) -> None:
    """Raise ConfigError if `monitor` is of a class, label or number that is not among `names`."""
    split, _, name = monitor.partition("_")
    if split == "val":
        try:
            resolve(name, kind, names)
        except ValueError as error:
            raise ConfigError(f"training.early_stopping.monitor: {error}") from None

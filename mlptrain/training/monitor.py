"""Whether the monitored metric exists, which for one class is known only with the data."""

from collections.abc import Mapping, Sequence

from mlptrain.errors import ConfigError
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


def why_undefined(
    monitor: str, values: Mapping[str, float | None], validation: Outcome | None
) -> str:
    """Why `monitor` is None in the `values` of an epoch; "" if it is not."""
    if values[monitor] is not None or validation is None:
        return ""
    measure = resolve(monitor.removeprefix("val_"), type(validation), validation.names)
    return measure.why_undefined(validation) or "it is infinite"

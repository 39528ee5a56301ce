"""summary.json and metrics.jsonl of a run folder, read again. Anybody may have changed them, so
what training does not write is refused."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mlptrain.paths import UnreadableError, read_file
from mlptrain.training.events import Hint
from mlptrain.training.run_folder import MAX_SUMMARY_BYTES

MAX_METRICS_BYTES = 1 << 30
_STRICT = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Summary(BaseModel):
    """What summary.json says of a run that is over.

    Attributes:
        reason: why it ended.
        monitor, best_epoch, best_value: the metric that decides which epoch is the best, that
            epoch, and the metric's value there; None if it is undefined.
        test: the metrics of the test split, if there is one.
        set: the values of --set.
        examples: the size of each split.
        copies_across_splits: how many examples of a split are also in an earlier one.
        skipped_images: the images that could not be read.
    """

    model_config = _STRICT
    reason: str
    epoch: int
    monitor: str
    best_epoch: int
    best_value: float | None
    test: dict[str, float | None] | None
    set: tuple[str, ...]
    hints: tuple[Hint, ...] = ()
    examples: dict[str, int] = {}
    copies_across_splits: dict[str, int] = {}
    skipped_images: tuple[Any, ...] = ()


_Whole = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
_LINE: TypeAdapter[dict[str, int | float | None]] = TypeAdapter(
    dict[str, _Whole | float | None], config=ConfigDict(strict=True, allow_inf_nan=False)
)


def read_summary(path: Path) -> Summary:
    """The summary in the file `path`. Raises UnreadableError."""
    data = read_file(str(path), MAX_SUMMARY_BYTES)
    try:
        return Summary.model_validate_json(data)
    except ValidationError:
        raise UnreadableError("is no summary of a run, or is damaged") from None


def read_epochs(path: Path) -> list[dict[str, Any]]:
    """The lines of the metrics.jsonl at `path`, but for one that is not finished. Raises
    UnreadableError."""
    lines = read_file(str(path), MAX_METRICS_BYTES).split(b"\n")[:-1]
    epochs: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            epochs.append(_LINE.validate_json(line))
        except ValidationError:
            raise UnreadableError(f"is damaged in line {number}") from None
    return epochs

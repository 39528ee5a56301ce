"""The part of an evaluation that is compared: what `eval --json` prints, read again."""

from pathlib import Path
from typing import Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from mlptrain.errors import DataError
from mlptrain.paths import read_file, reported
from mlptrain.text import exact, show_path
from mlptrain.training.evaluated_model import EvaluatedModel
from mlptrain.training.evaluation_record import evaluation_record

MAX_BYTES = 1 << 28


class Measured(BaseModel):
    """An evaluation as numbers.

    Attributes:
        model: the model's file.
        examples, fingerprint: how many examples there were, and which.
        trained_on: how many of them the model was trained on; None if that is unknown.
        metrics: by name; None where undefined.
        wrong: the indices of the wrong predictions; None if the task has no right and wrong.
        parts: `name` and metrics of each class, label or output.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)
    model: str | None
    examples: int = Field(ge=1)
    fingerprint: str
    trained_on: int | None
    metrics: dict[str, float | None]
    wrong: list[int] | None
    parts: list[dict[str, str | float | None]] = Field(
        default=[], validation_alias=AliasChoices("classes", "labels", "outputs")
    )

    @classmethod
    def of(cls, result: EvaluatedModel) -> Self:
        """That of an evaluation in this process."""
        return cls.model_validate(evaluation_record(result))

    @classmethod
    def read(cls, path: Path) -> Self:
        """That in a file that `eval --json` was written to. Raises DataError."""
        with reported(path, DataError):
            data = read_file(str(path), MAX_BYTES)
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise DataError(
                f"{show_path(path)}: is not what eval --json prints: {where}: {first['msg']}. "
                "Write the file again with this version: mlptrain eval RUN --json > FILE."
            ) from None

    def value(self, name: str) -> float | None:
        """The metric `name`, or that of one part, as `recall.cat`; None if it has no value."""
        stem, dot, part = name.partition(".")
        if not dot:
            return self.metrics.get(stem)
        found = [each.get(stem) for each in self.parts if each.get("name") == exact(part)]
        return float(found[0]) if found and isinstance(found[0], int | float) else None

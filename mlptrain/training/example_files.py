"""Files of predictions: a row for every example of an evaluation, or for every wrong one.

CSV columns, and keys of a JSON line: `path`; `true` and `predicted`, unless they are pictures;
`wrong`, or what the task calls its errors; and the probability of each class or label.
"""

import csv
import io
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

from mlptrain import files
from mlptrain.errors import DataError, UsageError
from mlptrain.paths import is_folder, reported
from mlptrain.tasks.task import TargetSpec, Task
from mlptrain.text import exact, printable_json, shorter, show_name, show_path
from mlptrain.training.example_results import ExampleBatch, ExampleResult
from mlptrain.training.run_folder import is_of_a_run
from mlptrain.training.trained_model import TrainedModel

_JSON = json.JSONEncoder(allow_nan=False)


def example_files(
    model: TrainedModel, predictions: Path | None, errors: Path | None
) -> list["ExampleFile"]:
    """The files that --predictions and --errors ask for. Raises UsageError."""
    make, found = partial(ExampleFile, task=model.task, spec=model.state.targets), []
    if predictions is not None:
        found.append(make("--predictions", predictions, only_wrong=False))
    if errors is not None:
        found.append(make("--errors", errors, only_wrong=True))
    if predictions and errors and os.path.realpath(predictions) == os.path.realpath(errors):
        raise UsageError(f"--errors {show_path(errors)}: is the file of --predictions. Name two.")
    return found


class ExampleFile:
    """A visitor that collects the rows of a file. `only_wrong`: those of wrong predictions, the
    worst first. `option`: what to call the file in messages."""

    def __init__(
        self, option: str, path: Path, task: Task, spec: TargetSpec, *, only_wrong: bool
    ) -> None:
        """Raise UsageError if `task` or the name of the file does not allow it."""
        given = f"{option} {show_path(path)}"
        if only_wrong and task.error_name:
            raise UsageError(
                f"{given}: a model for {task.type} has no right and wrong predictions. "
                f"--predictions FILE writes all of them, with their {task.error_name}."
            )
        suffix = path.suffix.lower()
        if suffix not in (".csv", ".jsonl"):
            raise UsageError(f"{given}: is not named .csv or .jsonl, which decides the format.")
        with reported(path, UsageError):
            if not is_folder(path.parent):
                raise UsageError(f"{given}: there is no folder {show_path(path.parent)}. Make it.")
        if is_of_a_run(path):
            raise UsageError(f"{given}: is a file of a run, which needs it. Name another file.")
        self._path, self._given, self._only_wrong = path, given, only_wrong
        self._task, self._spec = task, spec
        self._is_csv = suffix == ".csv"
        self._rows: list[tuple[float, bytes]] = []

    def __call__(self, batch: ExampleBatch) -> None:
        """Add the rows of one batch."""
        rows = None
        if self._only_wrong:
            assert batch.judged.wrong is not None
            rows = batch.judged.wrong.nonzero()[0]
        encode = self._csv_row if self._is_csv else self._json_line
        self._rows += [(each.error, encode(each).encode()) for each in batch.results(rows)]

    def write(self, data: str) -> None:
        """Write the file, in place of one that is there; but not of the `data` that was evaluated.
        Raises DataError and FileSystemError."""
        if os.path.realpath(self._path) == os.path.realpath(data):
            raise DataError(f"{self._given}: is the data itself. Name another file.")
        if self._only_wrong:
            self._rows.sort(key=lambda row: -row[0])
        header = self._csv_header().encode() if self._is_csv else b""
        files.write_whole(self._path, header + b"".join(row for _, row in self._rows))

    def _csv_header(self) -> str:
        task, spec = self._task, self._spec
        fields = task.target_fields(spec)
        suffixes = [""] if len(fields) == 1 else [f".{show_name(name)}" for name in fields]
        names = [f"{stem}{suffix}" for stem in ("true", "predicted") for suffix in suffixes]
        probabilities = spec.names if task.gives_probabilities else ()
        names += [
            task.error_name or "wrong",
            *(f"probability.{show_name(name)}" for name in probabilities),
        ]
        return _csv_line(["path", *names])

    def _csv_row(self, result: ExampleResult) -> str:
        truth = result.truth.values
        values = [*truth, *result.answer.values[: len(truth)]]
        texts = [show_name(value) if isinstance(value, str) else repr(value) for value in values]
        error = repr(result.error) if result.is_wrong is None else str(int(result.is_wrong))
        probabilities = () if result.probabilities is None else result.probabilities.tolist()
        return _csv_line([show_path(result.path), *texts, error, *map(repr, probabilities)])

    def _json_line(self, result: ExampleResult) -> str:
        record: dict[str, Any] = {"path": exact(shorter(result.path))}
        for key, value in result.truth.record.items():
            record |= {"true": value, "predicted": result.answer.record[key]}
        if result.is_wrong is None:
            record[self._task.error_name] = result.error
        else:
            record["wrong"] = result.is_wrong
        if result.probabilities is not None:
            named = zip(map(exact, self._spec.names), result.probabilities.tolist(), strict=True)
            record["probabilities"] = dict(named)
        return printable_json(_JSON.encode(record)) + "\n"


def _csv_line(values: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()

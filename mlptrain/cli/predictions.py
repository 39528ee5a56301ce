"""What `predict` is given, and what it prints."""

import csv
import glob
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlptrain.data.folder import images_below
from mlptrain.data.loading import BadImage
from mlptrain.errors import UsageError
from mlptrain.files import show_path
from mlptrain.training.saved_model import Prediction

if TYPE_CHECKING:
    from _csv import Writer


def expand_images(arguments: Sequence[str], stdin: BinaryIO) -> list[str]:
    """The image paths that the arguments name: files, folders (searched through), globs, and `-`
    for one path per line of `stdin`. Raises UsageError or DataError if that is none."""
    paths: list[str] = []
    for argument in arguments:
        if argument == "-":
            paths += [os.fsdecode(line) for line in stdin.read().split(b"\n") if line]
        elif Path(argument).is_dir():
            paths += images_below(argument)
        elif glob.has_magic(argument) and not os.path.lexists(argument):
            paths += sorted(glob.glob(argument, recursive=True), key=os.fsencode)
        else:
            paths.append(argument)
    if not paths:
        raise UsageError(f"{' '.join(map(show_path, arguments))}: no images there. Name some.")
    return paths


def write_predictions(
    predictions: Iterable[Prediction | BadImage], paths: Sequence[str], form: str, ranks: int
) -> int:
    """Print each prediction, of `ranks` classes, as it comes, and bad images to stderr; return how
    many were bad."""
    write = _writer(form, paths, ranks)
    bad = 0
    for prediction in predictions:
        if isinstance(prediction, BadImage):
            bad += 1
            print(f"{show_path(prediction.path)}: {prediction.reason}", file=sys.stderr)
        else:
            write(prediction)
    return bad


def _writer(form: str, paths: Sequence[str], ranks: int) -> Callable[[Prediction], None]:
    if form == "jsonl":
        return _write_json
    if form == "table":
        width = max(len(show_path(path)) for path in paths)
        return lambda prediction: _write_row(prediction, width)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    suffixes = ["", *(f"_{rank}" for rank in range(2, ranks + 1))]
    rows.writerow(["path", *(f"{name}{s}" for s in suffixes for name in ("label", "probability"))])
    return lambda prediction: _write_csv_row(prediction, rows)


def _write_csv_row(prediction: Prediction, rows: "Writer") -> None:
    cells = (cell for name, p in prediction.top for cell in (show_path(name), repr(p)))
    rows.writerow([show_path(prediction.path), *cells])


def _write_json(prediction: Prediction) -> None:
    top = [{"label": show_path(name), "probability": p} for name, p in prediction.top]
    record = {"path": show_path(prediction.path), **top[0], "top": top}
    print(json.dumps(record, allow_nan=False))


def _write_row(prediction: Prediction, width: int) -> None:
    labels = "   ".join(f"{show_path(name)}   {p:.3f}" for name, p in prediction.top)
    print(f"{show_path(prediction.path):<{width}}   {labels}")

"""What `predict` is given, and what it prints."""

import csv
import glob
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from mlptrain.cli.layout import GAP, cells, padded
from mlptrain.data.folder import images_below
from mlptrain.data.loading import BadImage
from mlptrain.errors import UsageError
from mlptrain.files import exact, show_path
from mlptrain.training.saved_model import Prediction, SavedModel

Writer = Callable[[Prediction], None]

_STRICT_JSON = json.JSONEncoder(allow_nan=False)


def expand_images(arguments: Sequence[str], stdin: BinaryIO) -> list[str]:
    """The image paths that the arguments name, in their order: files, folders (searched through),
    globs, and `-` for the paths in `stdin`. Raises UsageError if one of them names no image, and
    DataError if a folder cannot be read."""
    paths: list[str] = []
    for argument in arguments:
        found = _named(argument, stdin)
        if not found:
            where = "standard input" if argument == "-" else show_path(argument)
            raise UsageError(f"{where}: no images there. Name some.")
        paths += found
    return paths


def _named(argument: str, stdin: BinaryIO) -> list[str]:
    if argument == "-":
        return _listed(stdin.read())
    if Path(argument).is_dir():
        return images_below(argument)
    if glob.has_magic(argument) and not os.path.lexists(argument):
        found = glob.glob(argument, recursive=True)  # noqa: PTH207  (paths as they were given)
        return sorted(found, key=os.fsencode)
    return [argument]


def _listed(content: bytes) -> list[str]:
    """One path per line; or between NULs, where there are any (`find -print0`)."""
    if b"\0" in content:
        lines = content.split(b"\0")
    else:
        lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return [os.fsdecode(line) for line in lines if line]


def write_predictions(model: SavedModel, paths: Sequence[str], ranks: int, form: str) -> int:
    """Print the `ranks` most probable classes of each image as they come, bad images to stderr;
    return how many were bad."""
    names = model.state.class_names
    ranks = min(ranks, len(names))
    if form == "csv":
        write = _csv(ranks)
    else:
        write = _write_json if form == "jsonl" else _table(paths, names)
    bad = 0
    for prediction in model.predict(paths, ranks):
        if isinstance(prediction, BadImage):
            bad += 1
            sys.stdout.flush()
            print(f"{show_path(prediction.path)}: {prediction.reason}", file=sys.stderr)
        else:
            write(prediction)
    return bad


def _table(paths: Sequence[str], class_names: Sequence[str]) -> Writer:
    path_width = max(cells(show_path(path)) for path in paths)
    label_width = max(cells(show_path(name)) for name in class_names)

    def write(prediction: Prediction) -> None:
        row = [padded(show_path(prediction.path), path_width)]
        for name, probability in prediction.top:
            row += [padded(show_path(name), label_width), f"{probability:.3f}"]
        print(GAP.join(row))

    return write


def _csv(ranks: int) -> Writer:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    suffixes = ["", *(f"_{rank}" for rank in range(2, ranks + 1))]
    rows.writerow(["path", *(f"{name}{s}" for s in suffixes for name in ("label", "probability"))])

    def write(prediction: Prediction) -> None:
        row = (cell for name, p in prediction.top for cell in (exact(name), repr(p)))
        rows.writerow([exact(prediction.path), *row])

    return write


def _write_json(prediction: Prediction) -> None:
    top = [{"label": exact(name), "probability": p} for name, p in prediction.top]
    print(_STRICT_JSON.encode({"path": exact(prediction.path), **top[0], "top": top}))

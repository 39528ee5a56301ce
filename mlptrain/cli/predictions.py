"""What `predict` prints."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path, PurePath

from mlptrain import files
from mlptrain.cli.layout import GAP, cells, padded
from mlptrain.cli.notes import Detail, Notes
from mlptrain.data.images.encoding import encode_png
from mlptrain.data.loading.sharing import Sharing
from mlptrain.data.loading.stream import BadImage
from mlptrain.errors import UsageError
from mlptrain.paths import is_folder, reported
from mlptrain.text import printable_json, show_name, show_path
from mlptrain.training.trained_model import Prediction, TrainedModel

Writer = Callable[[Prediction], None]

_STRICT_JSON = json.JSONEncoder(allow_nan=False)


def write_predictions(
    model: TrainedModel,
    paths: Sequence[str],
    ranks: int,
    form: str,
    begun: Sharing | None,
    output: Path | None,
    notes: Notes,
) -> int:
    """Print each prediction as it arrives (of classes, the `ranks` most probable) and report bad
    images on stderr; return how many were bad. Predicted images go into the folder `output`.
    `begun`: decoding that has already started."""
    model.require_ranks(ranks, f"--top-k {ranks}")
    pictures = None if output is None else _Pictures(output, model, paths)
    spec = model.state.targets
    if form == "csv":
        write = _csv(model.task.fields(spec, ranks))
    else:
        write = _write_json if form == "json" else _table(paths, spec.names)
    bad = unlike = done = 0
    for prediction in model.predict(paths, ranks, begun):
        if isinstance(prediction, BadImage):
            bad += 1
            sys.stdout.flush()
            print(f"{show_name(prediction.path)}: {prediction.reason}", file=sys.stderr)
        else:
            done += 1
            unlike += prediction.is_unlike
            if pictures is not None:
                pictures.save(prediction)
            write(prediction)
    if unlike:
        assert model.expected is not None
        note = model.expected.tell_of_unlike(unlike, len(paths), model.image.resize)
        notes.warn(f"note: {note}")
    epoch, kernels = model.state.progress.epoch, model.network.arena.backend.kernels
    said = f"{model.name}: epoch {epoch}, {done:,} predictions, {kernels} kernels"
    notes.tell(said, Detail.more)
    return bad


class _Pictures:
    """Saves predicted images as PNGs in a folder, named after the input images `paths`, none of
    which is overwritten."""

    def __init__(self, folder: Path, model: TrainedModel, paths: Sequence[str]) -> None:
        if not model.task.gives_pictures:
            raise UsageError(
                f"--output {show_path(folder)}: a model for {model.task.type} gives no pictures. "
                "Leave it out."
            )
        with reported(folder, UsageError):
            if not files.make_folder(folder) and not is_folder(folder):
                raise UsageError(
                    f"--output {show_path(folder)}: is a file. Name a folder; if there is none of "
                    "that name, it is created."
                )
        if (taken := _png_in(folder, paths)) is not None:
            raise UsageError(
                f"--output {show_path(folder)}: {show_path(taken)} is there, and its prediction "
                "would replace it. Name another folder."
            )
        self._folder = folder
        self._names: set[str] = set()
        self._copies: Counter[str] = Counter()

    def save(self, prediction: Prediction) -> None:
        """Save one image; if its name is taken, a number is added."""
        picture = prediction.answer.picture
        assert picture is not None
        stem = PurePath(prediction.path).stem
        name = f"{stem}.png"
        while name in self._names:
            self._copies[stem] += 1
            name = f"{stem}-{1 + self._copies[stem]}.png"
        self._names.add(name)
        data = encode_png(picture, prediction.answer.palette)
        files.write_whole(self._folder / name, data)


def _png_in(folder: Path, paths: Sequence[str]) -> str | None:
    """The first of `paths` that names a PNG in `folder`."""
    there, real = os.path.realpath(folder), cache(os.path.realpath)
    pngs = (path for path in paths if path.endswith(".png"))
    return next((path for path in pngs if real(PurePath(path).parent) == there), None)


def _table(paths: Sequence[str], names: Sequence[str]) -> Writer:
    path_width = max(cells(show_name(path)) for path in paths)
    name_width = max((cells(show_name(name)) for name in names), default=0)
    known = frozenset(names)

    def write(prediction: Prediction) -> None:
        said = prediction.answer.cells
        shown = (padded(show_name(c), name_width) if c in known else c for c in said)
        print(GAP.join((padded(show_name(prediction.path), path_width), *shown)).rstrip())

    return write


def _csv(fields: Sequence[str]) -> Writer:
    """Names and paths as in the table. No guard is put before = + - @: programs read this, and
    spreadsheets should import it as text."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["path", *map(show_name, fields)])

    def write(prediction: Prediction) -> None:
        values = prediction.answer.values
        row = (show_name(v) if isinstance(v, str) else repr(v) for v in values)
        rows.writerow([show_name(prediction.path), *row])

    return write


def _write_json(prediction: Prediction) -> None:
    print(printable_json(_STRICT_JSON.encode(prediction.record)))

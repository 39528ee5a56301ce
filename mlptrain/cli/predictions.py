"""What `predict` prints."""

import csv
import json
import sys
from collections.abc import Callable, Sequence

from mlptrain.cli.layout import GAP, cells, padded
from mlptrain.data.loading.sharing import Sharing
from mlptrain.data.loading.stream import BadImage
from mlptrain.text import exact, printable_json, show_name
from mlptrain.training.saved_model import Prediction, SavedModel

Writer = Callable[[Prediction], None]

_STRICT_JSON = json.JSONEncoder(allow_nan=False)


def write_predictions(
    model: SavedModel, paths: Sequence[str], ranks: int, form: str, begun: Sharing | None
) -> int:
    """Print the `ranks` most probable classes of each image as they come, bad images to stderr;
    return how many were bad. `begun`: a head start that decoding them has."""
    names = model.state.class_names
    ranks = min(ranks, len(names))
    if form == "csv":
        write = _csv(ranks)
    else:
        write = _write_json if form == "jsonl" else _table(paths, names)
    bad = unlike = 0
    for prediction in model.predict(paths, ranks, begun):
        if isinstance(prediction, BadImage):
            bad += 1
            sys.stdout.flush()
            print(f"{show_name(prediction.path)}: {prediction.reason}", file=sys.stderr)
        else:
            unlike += prediction.is_unlike
            write(prediction)
    if unlike:
        sys.stdout.flush()
        assert model.expected is not None
        note = model.expected.tell_of_unlike(unlike, len(paths), model.image.resize)
        print(f"note: {note}", file=sys.stderr)
    return bad


def _table(paths: Sequence[str], class_names: Sequence[str]) -> Writer:
    path_width = max(cells(show_name(path)) for path in paths)
    label_width = max(cells(show_name(name)) for name in class_names)

    def write(prediction: Prediction) -> None:
        row = [padded(show_name(prediction.path), path_width)]
        for name, probability in prediction.top:
            row += [padded(show_name(name), label_width), f"{probability:.3f}"]
        print(GAP.join(row))

    return write


def _csv(ranks: int) -> Writer:
    """Names and paths as in the table; nothing is put before = + - @, for programs read this."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    suffixes = ["", *(f"_{rank}" for rank in range(2, ranks + 1))]
    rows.writerow(["path", *(f"{name}{s}" for s in suffixes for name in ("label", "probability"))])

    def write(prediction: Prediction) -> None:
        row = (cell for name, p in prediction.top for cell in (show_name(name), repr(p)))
        rows.writerow([show_name(prediction.path), *row])

    return write


def _write_json(prediction: Prediction) -> None:
    top = [{"label": exact(name), "probability": p} for name, p in prediction.top]
    row = {"path": exact(prediction.path), **top[0], "top": top}
    print(printable_json(_STRICT_JSON.encode(row)))

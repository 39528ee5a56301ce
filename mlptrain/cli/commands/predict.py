"""`mlptrain predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.notes import Detail, Notes, Times, chosen_detail
from mlptrain.cli.options import Format, Formats, MaxPixels, Plugins, Quiet, Verbose
from mlptrain.errors import DataError, UsageError
from mlptrain.training.signals import StopRequest


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILE", hidden=True),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", readable=False, help="Run folder or checkpoint; default: the latest run."
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(metavar="K", min=1, help="How many classes to print.")] = 1,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Output format; default: table.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line and example.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", readable=False, help="Folder for predicted images."),
    ] = None,
    formats: Formats = None,
    max_pixels: MaxPixels = None,
    plugins: Plugins = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Predict from images, arrays or tables.

    FILE is of the kind that the model was trained on: an image file, a folder of images, a .csv,
    .npy or .npz file, a glob, or - for paths on standard input.
    """
    from mlptrain.cli.allowances import parse_allowances
    from mlptrain.cli.checkpoint_choice import chosen_checkpoint
    from mlptrain.data.loading.sharing import head_start
    from mlptrain.data.sources.arguments import expand_images
    from mlptrain.training.header import image_form

    notes, times = Notes(chosen_detail(quiet, verbose)), Times()
    if json and format_:
        raise UsageError(f"--json, --format {format_}: contradict each other. Give one of the two.")
    allowed = parse_allowances(formats, max_pixels)
    paths, remarks = expand_images(inputs, sys.stdin.buffer)
    for remark in remarks:
        notes.warn(remark)
    checkpoint = chosen_checkpoint(model, notes)
    form, expected = image_form(checkpoint)
    decoding = form and form._replace(**allowed)
    with StopRequest(), head_start(paths, decoding, expected) as begun:
        from mlptrain.cli.predictions import write_predictions
        from mlptrain.training.trained_model import load_model

        resume_collection()
        if plugins:
            from mlptrain.config.load import load_plugins  # which loads the YAML reader

            load_plugins(plugins)
        saved = load_model(checkpoint, allowed)
        for remark in saved.notes:
            notes.warn(remark)
        shape = "json" if json else format_ or Format.table
        bad = write_predictions(saved, paths, top_k, shape, begun, output, notes)
        times.end("reading and predicting")
        notes.tell(str(times), Detail.more)
    if bad:
        raise DataError(f"{bad} of {len(paths)} images could not be read.")

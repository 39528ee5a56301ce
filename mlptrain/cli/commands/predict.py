"""`mlptrain predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import Format, Formats, MaxPixels, Plugins
from mlptrain.errors import DataError
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
    format_: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.table,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", readable=False, help="Folder for predicted images."),
    ] = None,
    formats: Formats = None,
    max_pixels: MaxPixels = None,
    plugins: Plugins = None,
) -> None:
    """Predict from images, arrays or tables, whichever the model was trained on.

    FILE is an image file, a folder of images, a .csv, .npy or .npz file, a glob, or - for paths on
    standard input.
    """
    from mlptrain.cli.allowances import parse_allowances
    from mlptrain.cli.checkpoint_choice import chosen_checkpoint
    from mlptrain.data.loading.sharing import head_start
    from mlptrain.data.sources.arguments import expand_images
    from mlptrain.training.header import image_form

    allowed = parse_allowances(formats, max_pixels)
    paths, notes = expand_images(inputs, sys.stdin.buffer)
    for note in notes:
        print(note, file=sys.stderr)
    checkpoint = chosen_checkpoint(model)
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
        for note in saved.notes:
            print(note, file=sys.stderr)
        bad = write_predictions(saved, paths, top_k, format_.value, begun, output)
    if bad:
        raise DataError(f"{bad} of {len(paths)} images could not be read.")

"""`mlptrain report`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.notes import chosen_detail
from mlptrain.cli.options import Data, Formats, MaxPixels, Plugins, Quiet, Run, Split, Verbose
from mlptrain.errors import UsageError
from mlptrain.training.signals import StopRequest


def report(
    model: Run = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            readable=False,
            help="The page, an .html file; default: report.html in the run folder.",
        ),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="The split; default: test, or else validation.")
    ] = None,
    data: Data = None,
    formats: Formats = None,
    max_pixels: MaxPixels = None,
    plugins: Plugins = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a run's curves, results and mistakes as one HTML page.

    RUN is a run folder or a checkpoint file, by default the latest run.

    The page needs nothing else: no network, no JavaScript. If the run's data is gone, it shows what
    the run folder holds.
    """
    from mlptrain.cli.allowances import parse_allowances
    from mlptrain.cli.checkpoint_choice import chosen_checkpoint
    from mlptrain.cli.evaluation_view import EvaluationView
    from mlptrain.config.load import load_plugins
    from mlptrain.files import write_whole
    from mlptrain.report.material import gather
    from mlptrain.report.page import page
    from mlptrain.text import show_path
    from mlptrain.training.trained_model import load_model

    detail = chosen_detail(quiet, verbose)
    if output and output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--output {show_path(output)}: is not named .html, as web pages are.")
    resume_collection()
    load_plugins(plugins or ())
    allowed = parse_allowances(formats, max_pixels)
    with StopRequest(), EvaluationView(detail) as view:
        checkpoint = chosen_checkpoint(model, view.notes)
        saved = load_model(checkpoint, allowed)
        material = gather(saved, split, data, view.reading)
        if material.result is not None:
            view.tell_of_images(material.result)
            view.tell_details(saved, material.result)
        else:
            view.notes.tell(f"not evaluated: {material.why_not}")
    place = output or checkpoint.with_name("report.html")
    write_whole(place, page(material).encode())
    print(show_path(place))

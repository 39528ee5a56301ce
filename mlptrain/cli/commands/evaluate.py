"""`mlptrain eval`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.notes import chosen_detail
from mlptrain.cli.options import (
    Data,
    Formats,
    Json,
    Maximum,
    MaxPixels,
    Minimum,
    Plugins,
    Quiet,
    Run,
    Split,
    Verbose,
)
from mlptrain.training.signals import StopRequest

WORST = 5  # examples shown


def evaluate(
    model: Run = None,
    split: Annotated[Split | None, typer.Option(help="The split; default: test.")] = None,
    data: Data = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Write every prediction and the truth to a .csv or .jsonl file.",
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", readable=False, help="The same for the wrong predictions, worst first."
        ),
    ] = None,
    json: Json = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            readable=False,
            help="Compare with this run on the same examples, or with what eval --json wrote.",
        ),
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Exit with 8 if a metric is worse than the baseline's by more than VALUE.",
        ),
    ] = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    junit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Write the gates as tests in a JUnit report, an .xml file.",
        ),
    ] = None,
    formats: Formats = None,
    max_pixels: MaxPixels = None,
    plugins: Plugins = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate a trained model on labelled examples.

    RUN is a run folder or a checkpoint file, by default the latest run.

    A NAME is that of a metric, as --json lists them: accuracy, macro_f1, log_loss; or, for one
    class, recall.CLASS.
    """
    from mlptrain.cli.allowances import parse_allowances
    from mlptrain.cli.checkpoint_choice import chosen_checkpoint
    from mlptrain.cli.evaluation_view import EvaluationView
    from mlptrain.cli.gate_check import GateCheck
    from mlptrain.cli.results import print_json
    from mlptrain.comparison.baseline import compare_with
    from mlptrain.config.load import load_plugins
    from mlptrain.training.evaluated_model import evaluate_model
    from mlptrain.training.evaluation_record import evaluation_record
    from mlptrain.training.example_files import example_files
    from mlptrain.training.example_results import WorstExamples
    from mlptrain.training.trained_model import load_model

    detail = chosen_detail(quiet, verbose)
    resume_collection()
    load_plugins(plugins or ())
    gates = GateCheck(minimum or (), maximum or (), max_drop or (), baseline, junit)
    allowed = parse_allowances(formats, max_pixels)
    with StopRequest(), EvaluationView(detail) as view:
        checkpoint = chosen_checkpoint(model, view.notes)
        saved = load_model(checkpoint, allowed)
        gates.check_names(saved.task.kind, saved.state.targets.names)
        worst, written = WorstExamples(WORST), example_files(saved, predictions, errors)
        result = evaluate_model(saved, split, data, view.reading, worst, *written)
        view.tell_of_images(result)
        view.tell_details(saved, result)
        compared = compare_with(baseline, result, view.reading) if baseline else None
    for each in written:
        each.write(result.source[1].place)
    if json:
        record = evaluation_record(result) | ({"baseline": compared.record} if compared else {})
        print_json(record)
    else:
        view.show_tables(result, worst.found, compared)
    gates.finish(result, compared)

"""`mlptrain diff`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.notes import chosen_detail
from mlptrain.cli.options import Data, Json, Plugins, Quiet, Split, Verbose
from mlptrain.training.signals import StopRequest


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", readable=False, hidden=True)],
    b: Annotated[Path, typer.Argument(metavar="B", readable=False, hidden=True)],
    split: Annotated[Split | None, typer.Option(help="The split of B; default: test.")] = None,
    data: Data = None,
    json: Json = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compare two runs: configs, metrics, changed predictions.

    A and B are run folders or checkpoint files. Both are evaluated on the same examples.
    """
    from mlptrain.cli.comparisons import difference_lines
    from mlptrain.cli.evaluation_view import EvaluationView
    from mlptrain.cli.results import print_json
    from mlptrain.comparison.diff import difference
    from mlptrain.config.load import load_plugins
    from mlptrain.training.model_path import find_checkpoint
    from mlptrain.training.trained_model import load_model

    detail = chosen_detail(quiet, verbose)
    resume_collection()
    load_plugins(plugins or ())
    with StopRequest(), EvaluationView(detail) as view:
        first, second = (load_model(find_checkpoint(place)) for place in (a, b))
        found = difference(first, second, split, data, view.reading)
        view.tell_of_images(found.b)
    if json:
        print_json(found.record)
        return
    for line in difference_lines(found):
        print(line)

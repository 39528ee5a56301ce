"""`mlptrain train`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.notes import chosen_detail
from mlptrain.cli.options import ConfigFile, Json, Plugins, Quiet, Settings, Verbose
from mlptrain.errors import StoppedError
from mlptrain.training.signals import StopRequest


def train(
    config: ConfigFile,
    set_: Settings = None,
    plugins: Plugins = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            readable=False,
            help="Run folder; default: the next runs/<config name>-NNN.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the config with all defaults, and exit.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a model from a config file.

    CONFIG is a YAML file. An environment variable MLPTRAIN_SET__training__epochs=5 is like --set
    training.epochs=5, which wins over it.

    The JSON object of --json is the run's summary; the rest then goes to standard error.
    """
    from mlptrain.cli.results import print_json
    from mlptrain.config.describe import resolved_yaml
    from mlptrain.config.load import load_config

    detail = chosen_detail(quiet, verbose)
    if print_config:
        given = load_config(config, set_ or (), plugins or (), environment=os.environ)
        print(resolved_yaml(given.config), end="")
        return
    from mlptrain.cli.suggestions import how_to_resume
    from mlptrain.cli.summaries import summarize_training
    from mlptrain.cli.training_view import TrainingView
    from mlptrain.training.events import Finished
    from mlptrain.training.setup import prepare_run

    resume_collection()
    with (
        TrainingView(detail, json=json) as view,
        StopRequest("stopped before training began") as stop,
        prepare_run(
            config,
            set_ or (),
            run_dir,
            plugins or (),
            resume=resume,
            reading=view.reading,
            environment=os.environ,
        ) as run,
    ):
        view.start(run, resume=resume)
        try:
            for event in run.train(stop):
                view.show(event)
                if isinstance(event, Finished):
                    summarize_training(run, event)
        except StoppedError as error:
            raise how_to_resume(error, run, config, plugins or ()) from None
        if json:
            print_json(run.record())

"""Every command's signature. A command parses, calls a plain function, and shows the result.

What a command needs is imported when it runs, so that `--help` stays instant.
"""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlptrain import __version__
from mlptrain.cli.command import Command
from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import Format, Formats, Maximum, MaxPixels, Minimum, Plugins, Split
from mlptrain.cli.streams import open_streams
from mlptrain.docstrings import docstring
from mlptrain.errors import ConfigError, DataError, Interrupted, MlptrainError, StoppedError
from mlptrain.text import printable_json, printable_lines
from mlptrain.training.signals import StopRequest, leave

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"mlptrain {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Train multi-layer perceptrons on images, arrays and tables from one YAML file.

    Exit codes: 0 done, 1 a bug in mlptrain, 2 command line or config, 3 data, 4 model file,
    5 training diverged, 6 file system, 7 run folder busy or exists, 8 a gate was missed,
    129/130/143 stopped by a signal, in training with the state saved, 141 nobody reads the output.
    """


@app.command(cls=Command)
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", readable=False, hidden=True)],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the config; repeatable."),
    ] = None,
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
) -> None:
    """Train a model from a config file.

    CONFIG is a YAML file.
    """
    from mlptrain.config.describe import resolved_yaml
    from mlptrain.config.load import load_config

    if print_config:
        print(resolved_yaml(load_config(config, set_ or (), plugins or ()).config), end="")
        return
    from mlptrain.cli.commands import how_to_resume
    from mlptrain.cli.render import TrainingView
    from mlptrain.training.setup import prepare_run

    resume_collection()
    with (
        TrainingView() as view,
        StopRequest("stopped before training began") as stop,
        prepare_run(
            config, set_ or (), run_dir, plugins or (), resume=resume, reading=view.reading
        ) as run,
    ):
        view.start(run, resume=resume)
        try:
            for event in run.train(stop):
                view.show(event)
        except StoppedError as error:
            raise how_to_resume(error, run, config, set_ or (), plugins or ()) from None


@app.command("eval", cls=Command)
def evaluate(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", readable=False, hidden=True),
    ] = None,
    split: Annotated[Split | None, typer.Option(help="The split; by default test.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Other examples, as data.test takes them."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    minimum: Minimum = None,
    maximum: Maximum = None,
    formats: Formats = None,
    max_pixels: MaxPixels = None,
    plugins: Plugins = None,
) -> None:
    """Evaluate a trained model on labelled examples.

    RUN is a run folder or a checkpoint file, by default the latest run.

    A NAME is that of a metric, as --json lists them: accuracy, macro_f1, log_loss; or, for one
    class, recall.CLASS.
    """
    from json import dumps

    from mlptrain.cli.allowances import parse_allowances
    from mlptrain.cli.gates import check_gates, check_names, parse_gates
    from mlptrain.cli.render import EvaluationView
    from mlptrain.config.load import load_plugins
    from mlptrain.training.evaluated_model import evaluate_model
    from mlptrain.training.evaluation_record import evaluation_record
    from mlptrain.training.trained_model import load_model

    resume_collection()
    load_plugins(plugins or ())
    gates = parse_gates(minimum or (), maximum or ())
    allowed = parse_allowances(formats, max_pixels)
    checkpoint = _chosen(model)
    with StopRequest(), EvaluationView() as view:
        saved = load_model(checkpoint, allowed)
        check_names(gates, saved.task.kind, saved.state.targets.names)
        result = evaluate_model(saved, split, data, view.reading)
        view.tell_of_images(result)
    if json:
        print(printable_json(dumps(evaluation_record(result), allow_nan=False, indent=2)))
    else:
        view.show_tables(result)
    check_gates(gates, result.outcome)


@app.command(cls=Command)
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
    from mlptrain.data.loading.sharing import head_start
    from mlptrain.data.sources.arguments import expand_images
    from mlptrain.training.header import image_form

    allowed = parse_allowances(formats, max_pixels)
    paths, notes = expand_images(inputs, sys.stdin.buffer)
    for note in notes:
        print(note, file=sys.stderr)
    checkpoint = _chosen(model)
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


@app.command(cls=Command)
def info(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print versions, and the kernels, BLAS and threads in use."""
    from json import dumps

    from mlptrain.training.environment import report

    found = report()
    if json:
        print(dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:<12}{value}")


@app.command(cls=Command)
def schema(plugins: Plugins = None) -> None:
    """Print the JSON Schema of config files, for editors."""
    import json

    from mlptrain.config.describe import json_schema
    from mlptrain.config.load import load_plugins

    load_plugins(plugins or ())
    print(json.dumps(json_schema(), indent=2))


def _chosen(model: Path | None) -> Path:
    """The checkpoint to use. If the user named none, its name goes to stderr."""
    from mlptrain.text import show_path
    from mlptrain.training.model_path import find_checkpoint

    checkpoint = find_checkpoint(model)
    if model is None:
        print(f"using the latest run: {show_path(checkpoint.parent)}", file=sys.stderr)
    return checkpoint


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments`, by default this process's, and return its exit code.
    Raises MlptrainError."""
    try:
        return app(arguments, prog_name="mlptrain", standalone_mode=False) or 0
    except typer.TyperException as error:
        from mlptrain.cli.usage import usage_error

        raise usage_error(error) from None


def main() -> None:
    """Run the command line and turn errors into exit codes."""
    commands: list[Any] = [app.registered_callback, *app.registered_commands]
    for command in commands:
        command.help = docstring(command.callback)
    try:
        open_streams()
        try:
            code = run()
        except Interrupted as stopped:  # a reader may be waiting for what is still buffered
            if str(stopped):
                print(stopped, file=sys.stderr)
            leave(stopped.signal_number)
        finally:
            sys.stdout.flush()
    except MlptrainError as error:
        print(printable_lines(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)
    except MemoryError:
        print("out of memory.", file=sys.stderr)
        print("Choose a smaller model, batch_size, or image height and width.", file=sys.stderr)
        sys.exit(ConfigError.exit_code)
    except Exception as error:
        from mlptrain.plugins import at_fault, suspects

        print(printable_lines(traceback.format_exc().rstrip()), file=sys.stderr)
        if (where := at_fault(error)) is not None:
            print(f"{where}: this plug-in raised the error above.", file=sys.stderr)
            sys.exit(ConfigError.exit_code)
        bug = f"This is a bug in mlptrain{suspects()}"
        print(f"{bug}; please report it with the lines above.", file=sys.stderr)
        sys.exit(1)
    sys.exit(code)


if __name__ == "__main__":  # without this, `python -m mlptrain.cli.app` would do nothing
    main()

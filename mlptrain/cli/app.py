"""The command line: its commands, and how their errors become messages and exit codes."""

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from mlptrain import __version__
from mlptrain.cli.command import Command
from mlptrain.cli.commands import (
    check,
    diff,
    evaluate,
    export,
    import_model,
    info,
    init,
    predict,
    report,
    reproduce,
    runs,
    schema,
    selfcheck,
    train,
)
from mlptrain.cli.github import error_annotations, in_actions
from mlptrain.cli.streams import open_streams
from mlptrain.docstrings import docstring
from mlptrain.errors import ConfigError, Interrupted, MlptrainError
from mlptrain.text import printable_lines
from mlptrain.training.signals import leave

COMMANDS: dict[str, Callable[..., None]] = {
    "init": init.init,
    "check": check.check,
    "selfcheck": selfcheck.selfcheck,
    "train": train.train,
    "eval": evaluate.evaluate,
    "predict": predict.predict,
    "report": report.report,
    "export": export.export,
    "import": import_model.import_model,
    "runs": runs.runs,
    "reproduce": reproduce.reproduce,
    "diff": diff.diff,
    "info": info.info,
    "schema": schema.schema,
}

app = typer.Typer(
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
    5 training diverged, 6 file system, 7 run folder busy or exists, 8 a gate was missed or a check
    failed, 129/130/143 stopped by a signal, in training with the state saved, 141 nobody reads the
    output.
    """


for name, command in COMMANDS.items():
    app.command(name, cls=Command)(command)


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
        if in_actions():
            print(*error_annotations(error), sep="\n", file=sys.stderr)
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

"""`mlptrain export`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import Json, Plugins, Run
from mlptrain.training.signals import StopRequest


def export(
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="What to write, see above.")],
    model: Run = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            readable=False,
            help="File to write, or folder; default: beside the checkpoint.",
        ),
    ] = None,
    json: Json = False,
    plugins: Plugins = None,
) -> None:
    """Write a trained model in another tool's form.

    RUN is a run folder or a checkpoint file, by default the latest run.

    A TARGET is onnx (ONNX Runtime), numpy (a Python file that needs only NumPy and Pillow), keras
    (a .keras file), torch (a state_dict and its nn.Sequential), sklearn (MLPClassifier or
    MLPRegressor), browser (a web page that needs no server) or weights (a checkpoint without the
    optimizer's state). 64 predictions of the export are compared with the model's.
    """
    from mlptrain.cli.checkpoint_choice import chosen_checkpoint
    from mlptrain.cli.exports import show_export
    from mlptrain.config.load import load_plugins
    from mlptrain.export.export import export as write
    from mlptrain.export.export import target_named
    from mlptrain.training.trained_model import load_model

    resume_collection()
    load_plugins(plugins or ())
    target = target_named(to)
    checkpoint = chosen_checkpoint(model)
    with StopRequest():
        path, found = write(load_model(checkpoint), target, output)
    show_export(target, path, found, json=json)

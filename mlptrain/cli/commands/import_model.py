"""`mlptrain import`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.options import Json


def import_model(
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, hidden=True)],
    to: Annotated[
        Path, typer.Option("--to", metavar="RUN", readable=False, help="The new run folder.")
    ],
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="The task; default: what the output suggests."),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of a state_dict's hidden layers, such as relu."),
    ] = None,
    json: Json = False,
) -> None:
    """Read a network from another tool's file into a new run folder.

    FILE is a Keras model (.keras), attributes of scikit-learn's MLPClassifier or MLPRegressor
    (.npz), or a PyTorch state_dict (.safetensors). What mlptrain lacks is refused by name.
    """
    from mlptrain.cli.exports import show_import
    from mlptrain.export.importing import import_model as read
    from mlptrain.training.signals import StopRequest

    with StopRequest():
        model = read(file, to, task, activation)
    show_import(model, to, json=json)

"""`mlptrain reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import Json
from mlptrain.errors import GateMissedError
from mlptrain.text import show_path
from mlptrain.training.signals import StopRequest


def reproduce(
    run: Annotated[Path, typer.Argument(metavar="RUN", readable=False, hidden=True)],
    json: Json = False,
) -> None:
    """Train a run again and show the first difference, if any.

    RUN is a run folder. Nothing is written. A difference is exit code 8, changed data 3.
    """
    from mlptrain.cli.reproductions import lines
    from mlptrain.cli.results import print_json
    from mlptrain.training.reproduction import reproduce as train_again

    resume_collection()
    with StopRequest():
        result = train_again(run, lambda *_: None)
    found = result.difference
    if json:
        print_json(result.record)
    else:
        print("\n".join(lines(result)))
    if found is not None:
        raise GateMissedError(f"{show_path(run)}: is not reproduced")

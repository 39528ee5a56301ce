"""`mlptrain init`."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    data: Annotated[str, typer.Argument(metavar="DATA", hidden=True)],
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The task, if the data fits several; default: a guess."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", readable=False, help="The config to write."),
    ] = Path("config.yaml"),
) -> None:
    """Look at data and write a config to start with.

    DATA is a folder with one folder of images per class, or with train and test folders of such; a
    .csv of image files or of numbers; or an IDX, .npz or .npy file. No file is overwritten.
    """
    import sys

    from mlptrain.cli.suggestions import shell
    from mlptrain.survey.start import write_config
    from mlptrain.text import show_path

    started = write_config(data, output, task)
    for note in started.notes:
        print(note, file=sys.stderr)
    print(f"task: {started.task}", *started.facts, "", sep="\n")
    print("wrote", ", ".join(map(show_path, started.written)))
    print(f"next  mlptrain check {shell(output)}")
    print(f"      mlptrain train {shell(output)}")

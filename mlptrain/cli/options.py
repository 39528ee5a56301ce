"""Arguments and options shared by several commands, and the values of some."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Split(StrEnum):
    """The splits that `eval` knows."""

    train = "train"
    validation = "validation"
    test = "test"


class Format(StrEnum):
    """The output formats of `predict`."""

    table = "table"
    csv = "csv"


Run = Annotated[Path | None, typer.Argument(metavar="RUN", readable=False, hidden=True)]
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", readable=False, hidden=True)]
Data = Annotated[
    str | None, typer.Option(metavar="PATH", help="Other examples, as data.test takes them.")
]
Formats = Annotated[
    str | None,
    typer.Option(
        metavar="LIST", help="Image formats to read, such as png,jpeg,webp; default: the model's."
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Decode no image to more pixels; default: the model's."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also tell what was read, and how long it took.")
]
Minimum = Annotated[
    list[str] | None,
    typer.Option(
        "--min", metavar="NAME=VALUE", help="Exit with 8 if a metric is below VALUE; repeatable."
    ),
]
Maximum = Annotated[
    list[str] | None,
    typer.Option(
        "--max", metavar="NAME=VALUE", help="Exit with 8 if a metric is above VALUE; repeatable."
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        readable=False,
        help="Python file with your own definitions, to run; repeatable.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the config; repeatable."),
]

"""`mlptrain runs`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlptrain.cli.options import Json


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", readable=False, hidden=True)] = Path(
        "runs"
    ),
    sort: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Sort by a key, a metric, state or epoch; default: name."),
    ] = None,
    json: Json = False,
) -> None:
    """List runs: what differs in their configs, and their results.

    DIR is the folder that holds the runs, by default runs.

    KEY is the title of a column, any key of a config, or a metric of the test split, such as
    test_accuracy.
    """
    from mlptrain.cli.live import console
    from mlptrain.cli.results import print_json
    from mlptrain.cli.runs import runs_lines
    from mlptrain.comparison.runs import runs_in
    from mlptrain.comparison.runs_table import RunsTable

    rows, notes = runs_in(folder)
    table = RunsTable(rows, sort)
    for note in notes:
        print(note, file=sys.stderr)
    if json:
        record = {"runs": table.records(), "differing": table.keys}
        print_json(record)
        return
    lines, dropped = runs_lines(table, console(sys.stdout).width)
    for line in lines:
        print(line)
    if dropped:
        print(f"no room for {', '.join(dropped)}; --json has all", file=sys.stderr)

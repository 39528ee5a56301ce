"""What `export` and `import` print."""

from pathlib import Path

from mlptrain.cli.results import print_json
from mlptrain.export.comparison import Comparison
from mlptrain.export.target import Target
from mlptrain.text import exact, show_path
from mlptrain.training.run_folder import BEST
from mlptrain.training.trained_model import TrainedModel


def show_export(target: Target, path: Path, found: Comparison, *, json: bool) -> None:
    """Print the place of an export, and how far its predictions are from the model's."""
    if json:
        record = {
            "file": exact(path),
            "target": target.type,
            "compared": found.examples,
            "largest_difference": found.largest,
        }
        print_json(record)
        return
    print(f"wrote     {show_path(path)}   {target.title}")
    if found.largest is None:
        print(f"compared  not compared: {found.what}")
    else:
        by = f"{found.examples} predictions for {found.what} by {target.tools[0]}"
        print(f"compared  {by}: the largest difference is {found.largest:.1e}")


def show_import(model: TrainedModel, run: Path, *, json: bool) -> None:
    """Print what was read into a run folder."""
    task, parameters = model.task.type, model.network.arena.values.size
    if json:
        record = {"file": exact(run / BEST), "task": task, "parameters": parameters}
        print_json(record)
        return
    inputs = " × ".join(map(str, model.state.shape))
    kind = "numbers" if model.takes_numbers else "images"
    print(f"wrote     {show_path(run / BEST)}")
    print(f"model     {task}   {kind} {inputs}   {parameters:,} parameters")

"""What a step in GitHub Actions shows of a command when it is over, in Markdown."""

import os
from collections.abc import Sequence
from pathlib import Path

from mlptrain import files
from mlptrain.cli.gates import Verdict
from mlptrain.cli.github import in_actions
from mlptrain.cli.layout import number, score
from mlptrain.tasks.metrics.measure import summary_names, value_of
from mlptrain.text import show_name
from mlptrain.training.evaluated_model import EvaluatedModel
from mlptrain.training.events import Finished
from mlptrain.training.run import Run

Rows = list[tuple[str, ...]]


def summarize_evaluation(result: EvaluatedModel, verdicts: Sequence[Verdict]) -> None:
    """Add the metrics of an evaluation, and its gates. Raises FileSystemError."""
    outcome = result.outcome
    names = dict.fromkeys((result.task.headline, "loss", *summary_names(type(outcome))))
    rows: Rows = [(name, score(value_of(name, outcome))) for name in names]
    tables: list[Rows] = [[("metric", result.data), ("examples", str(outcome.examples)), *rows]]
    if verdicts:
        judged = [
            (each.gate, each.measured, f"missed: {each.missed}" if each.missed else "passed")
            for each in verdicts
        ]
        tables.append([("gate", "measured", "result"), *judged])
    _add("mlptrain eval", *tables)


def summarize_training(run: Run, finished: Finished) -> None:
    """Add how a run ended. Raises FileSystemError."""
    rows: Rows = [("reason", finished.reason), ("epochs", str(finished.epoch))]
    best = f"{finished.best_epoch} ({finished.monitor} {number(finished.best_value) or '-'})"
    rows.append(("best epoch", best))
    if finished.test is not None:
        name = run.config.task.headline
        rows.append((f"test {name}", score(value_of(name, finished.test))))
    rows += [("hint", f"{hint.fact}. {hint.advice}") for hint in finished.hints]
    _add("mlptrain train", [("run", str(run.folder.path)), *rows])


def _add(title: str, *tables: Sequence[Sequence[str]]) -> None:
    """Append to the summary of the step, if there is one: `title`, and each table, whose first row
    is its header. All texts are shown literally. Raises FileSystemError."""
    place = os.environ.get("GITHUB_STEP_SUMMARY") if in_actions() else None
    if not place:
        return
    lines = [f"### {_literal(title)}"]
    for head, *rows in tables:
        lines += ["", _row(head), _row(["---"] * len(head), literal=False), *map(_row, rows)]
    files.append_line(Path(place), ("\n".join(lines) + "\n").encode())


def _row(cells: Sequence[str], *, literal: bool = True) -> str:
    return f"| {' | '.join(map(_literal, cells) if literal else cells)} |"


def _literal(text: str) -> str:
    """`text` as Markdown that shows it: no character of it has a meaning there."""
    shown = show_name(text)
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in shown)

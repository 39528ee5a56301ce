"""The confusion matrix for names and numbers of classes of every kind, without training any."""

import io
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from plugin_loading import forgotten

from mlptrain.cli import evaluation_view
from mlptrain.cli.layout import cells
from mlptrain.cli.tables import MAX_CONFUSIONS
from mlptrain.data.dataset import Dataset
from mlptrain.data.sources.folder import Folder
from mlptrain.data.targets import ClassTargets
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.metrics.metric import Metric, metrics
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.task import Judged
from mlptrain.training.evaluated_model import EvaluatedModel

ODD = ("[red]", "[/b]", "日本語", "two\nlines", "\udcff\udcfe", "\x1b[31mred", "ab\u202edc")
SHOWN = ("[red]", "[/b]", "日本語", "two\\nlines", "\\xff\\xfe", "\\x1b[31mred", "ab\\u202edc")


def tables(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], confusion: np.ndarray
) -> list[str]:
    """What `eval` prints into a file for such an evaluation."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    counts = confusion.astype(np.int64).reshape(-1)
    outcome = ClassOutcome(names, keep_scores=True)
    outcome.add(np.eye(len(names))[np.repeat(predicted, counts)], np.repeat(true, counts))
    outcome.add_loss(0.5, outcome.examples)
    dataset = Dataset(np.empty(0), np.empty(0), np.empty(0), ClassTargets(true, names), (), "")
    judged = Judged(np.zeros(outcome.examples), np.zeros(outcome.examples, bool))
    evaluation_view.EvaluationView().show_tables(
        EvaluatedModel(
            Path("runs/[b]-001/best"),
            3,
            "test",
            ("test", Folder(path="data")),
            Classification(),
            outcome,
            judged,
            dataset,
            (),
            None,
            0,
        ),
        (),
    )
    assert "\x1b" not in out.getvalue()
    return out.getvalue().splitlines()


def random_matrix(classes: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 9, (classes, classes)) + 90 * np.eye(classes)


def test_names_from_disk_are_shown_literally_and_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tables(monkeypatch, ODD, random_matrix(7))
    assert lines[0] == "model    runs/[b]-001/best   epoch 3"
    start = next(i for i, line in enumerate(lines) if line.startswith("confusion"))
    matrix = lines[start + 1 :]
    assert matrix[0].split() == list(SHOWN)
    assert [row.split()[0] for row in matrix[1:]] == list(SHOWN)
    assert len({cells(row) for row in matrix}) == 1, "columns are not aligned"
    classes = lines[lines.index("") + 2 :][: len(ODD)]
    assert [row.split()[0] for row in classes] == list(SHOWN)
    assert len({cells(row) for row in classes}) == 1


def test_a_metric_without_means_has_none_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    with forgotten():

        @metrics.register
        class Hits(Metric):
            """How many examples of the class are predicted as such."""

            type: Literal["hits"] = "hits"
            applies_to: ClassVar = (ClassOutcome,)
            parts_of: ClassVar = (ClassOutcome,)
            in_table: ClassVar[bool] = True

            def value(self, outcome: Any) -> float:
                return float(outcome.hits.sum())

            def parts(self, outcome: Any) -> np.ndarray:
                return outcome.hits.astype(float)

        lines = [line.split() for line in tables(monkeypatch, ("a", "b"), 3 * np.eye(2))]
    ones = ["1.0000"] * 3
    assert ["class", "precision", "recall", "f1", "hits", "support"] in lines
    assert ["a", *ones, "3.0000", "3"] in lines
    assert ["mean", *ones, "6"] in lines


def test_where_names_are_too_wide_columns_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    names = tuple(f"a rather long class name {i}" for i in range(1, 11))
    lines = tables(monkeypatch, names, random_matrix(10))
    start = next(i for i, line in enumerate(lines) if line.startswith("confusion"))
    assert lines[start + 1].split() == [str(i) for i in range(1, 11)]
    assert [line.split("  ")[0] for line in lines[start + 2 :]] == [
        f"{i} a rather long class name {i}" for i in range(1, 11)
    ]
    assert max(map(len, lines)) <= evaluation_view.MATRIX_WIDTH


@pytest.mark.parametrize("names", [tuple(f"class {i:02d}" for i in range(40)), ("x" * 200, "y")])
def test_a_matrix_that_does_not_fit_becomes_its_largest_errors(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    confusion = 5 * np.eye(len(names))
    confusion[1, 0], confusion[0, 1] = 3, 7
    lines = tables(monkeypatch, names, confusion)
    start = lines.index("most frequent confusions")
    assert lines[start + 1].split() == ["true", "predicted", "count"]
    first, second = names[:2]
    assert [" ".join(line.split()) for line in lines[start + 2 :]] == [
        f"{first} {second} 7", f"{second} {first} 3"
    ]  # fmt: skip


def test_at_most_so_many_errors_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = tuple(f"class {i:02d}" for i in range(40))
    lines = tables(monkeypatch, names, np.arange(1600).reshape(40, 40))
    start = lines.index("most frequent confusions")
    counts = [int(line.split()[-1]) for line in lines[start + 2 :]]
    off_diagonal = [i for i in range(1600) if i // 40 != i % 40]
    assert counts == off_diagonal[: -MAX_CONFUSIONS - 1 : -1]


def test_without_an_error_the_list_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tables(monkeypatch, ("x" * 200, "y"), 5 * np.eye(2))
    assert lines[-1] == "no confusions: every prediction is right"

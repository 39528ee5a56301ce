import re

import pytest

from mlptrain.cli.layout import EpochTable, cells, labelled, padded
from mlptrain.training.events import EpochMetrics

WORST = EpochMetrics(
    epoch=12345,
    step=1,
    learning_rate=1e-300,
    train_loss=1.23e38,
    train_accuracy=0.0,
    val_loss=999.99999,
    val_accuracy=1.0,
    seconds=999.99,
    examples_per_second=1.0,
)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("", 0), ("日本", 4), ("e\u0301", 1), ("·→×", 3), ("Ａ", 2)],
)
def test_cells_counts_terminal_columns(text: str, columns: int) -> None:
    assert cells(text) == columns
    assert cells(padded(text, 6)) == 6


def test_parts_stand_side_by_side_where_they_fit() -> None:
    assert labelled("data", ["aaaa", "bbbb"], 20) == "data     aaaa   bbbb"


def test_a_part_that_does_not_fit_begins_a_line_and_stays_whole() -> None:
    text = labelled("next", ["aaaa", "bbbb cccc dddd eeee", "f"], 19)
    assert text.split("\n") == ["next     aaaa", " " * 9 + "bbbb cccc dddd eeee", " " * 9 + "f"]


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 10_000])
def test_epoch_rows_fit_and_stand_below_their_titles(width: int, validated: bool) -> None:
    table = EpochTable(validated=validated, width=width)
    titles, row = table.titles(), table.row(WORST)
    assert len(titles) == len(row) <= width - len("  best")
    for title in re.finditer(r"\S+", titles):
        assert row[title.end() - 1] != " "
    assert ("val_loss" in titles) == validated


def test_columns_are_dropped_only_where_they_do_not_fit() -> None:
    everything = EpochTable(validated=True, width=94)
    assert everything.titles().split() == [
        "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "time"
    ]  # fmt: skip
    assert len(everything.titles()) + len("  best") == 88
    assert "train_accuracy" not in EpochTable(validated=True, width=87).titles()
    assert EpochTable(validated=True, width=40).titles().split() == [
        "epoch", "val_loss", "val_accuracy"
    ]  # fmt: skip

import re

import pytest

from mlptrain.cli.layout import EpochTable, LiveLine, aligned, cells, duration, labelled, padded
from mlptrain.training.events import EpochMetrics

WORST = EpochMetrics(
    epoch=12345,
    step=1,
    learning_rate=1e-300,
    values={
        "train_loss": 1.23e38,
        "train_accuracy": 0.0,
        "val_loss": 999.99999,
        "val_accuracy": 1.0,
    },
    seconds=999.99,
    examples_per_second=1.0,
)
NAMES = tuple(WORST.values)


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
    table = EpochTable(NAMES if validated else NAMES[:2], width=width)
    titles, row = table.titles(), table.row(WORST)
    assert len(titles) == len(row) <= width - len("  best")
    for title in re.finditer(r"\S+", titles):
        assert row[title.end() - 1] != " "
    assert ("val_loss" in titles) == validated


def test_columns_are_dropped_only_where_they_do_not_fit() -> None:
    everything = EpochTable(NAMES, width=94)
    assert everything.titles().split() == [
        "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "time"
    ]  # fmt: skip
    assert len(everything.titles()) + len("  best") == 88
    assert "train_accuracy" not in EpochTable(NAMES, width=87).titles()
    assert EpochTable(NAMES, width=40).titles().split() == [
        "epoch", "val_loss", "val_accuracy"
    ]  # fmt: skip


def test_rows_are_aligned_without_blanks_at_the_end() -> None:
    assert aligned([("a", "日本", "1,000"), ("bbb", "", "7"), ("c", "d", "")]) == [
        "a    日本  1,000",
        "bbb            7",
        "c    d",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (41.6, "0:42"), (59.7, "1:00"), (725, "12:05"), (3599.6, "1:00:00"),
     (11229, "3:07:09"), (360000, "100:00:00")],
)  # fmt: skip
def test_durations_are_shown_as_by_a_clock(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


LIVE = LiveLine(
    "epoch 15/60",
    123,
    400,
    {
        "step": "step 123/400",
        "loss": "loss 0.4312",
        "best": "best 0.8123 (epoch 12)",
        "left": "0:42 left",
    },
)


@pytest.mark.parametrize(
    ("width", "bar", "text"),
    [
        (200, 40, "step 123/400  loss 0.4312  best 0.8123 (epoch 12)  0:42 left"),
        (87, 12, "step 123/400  loss 0.4312  best 0.8123 (epoch 12)  0:42 left"),
        (80, 0, "step 123/400  loss 0.4312  best 0.8123 (epoch 12)  0:42 left"),
        (73, 0, "step 123/400  loss 0.4312  best 0.8123 (epoch 12)  0:42 left"),
        (72, 21, "step 123/400  loss 0.4312  0:42 left"),
        (49, 0, "step 123/400  loss 0.4312  0:42 left"),
        (48, 10, "step 123/400  0:42 left"),
        (30, 0, "0:42 left"),
    ],
)
def test_a_live_line_says_what_fits(width: int, bar: int, text: str) -> None:
    assert LIVE.fitting(width) == (bar, text)


@pytest.mark.parametrize("width", range(22, 120))
def test_a_live_line_is_never_wider_than_the_terminal(width: int) -> None:
    bar, text = LIVE.fitting(width)
    assert len("  ".join((LIVE.name, *(["━" * bar] if bar else []), text))) <= width

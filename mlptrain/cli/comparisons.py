"""A comparison of two evaluations as lines for the terminal."""

from collections.abc import Iterator, Sequence

from mlptrain.cli.layout import number, numbers_right
from mlptrain.comparison.compare import Change, Comparison
from mlptrain.tasks.metrics.measure import summary_names
from mlptrain.tasks.task import Task
from mlptrain.text import show_name

MAX_PARTS = 20


def comparison_lines(comparison: Comparison, task: Task) -> Iterator[str]:
    """The main metrics before and after, how many predictions changed sides, and the classes,
    labels or outputs that changed."""
    names = dict.fromkeys((task.headline, "loss", *summary_names(task.kind)))
    changes = [comparison.change(name) for name in names]
    yield from change_table("metric", changes)
    if comparison.flips is not None:
        lost, gained = map(len, comparison.flips)
        yield ""
        yield (
            f"right before, now wrong {lost:,}   wrong before, now right {gained:,}   "
            f"McNemar's exact test p = {comparison.p_value:.3g}"
        )
    changed = [each for each in comparison.parts if each.difference]
    if changed:
        yield ""
        yield from change_table(f"{comparison.part_metric} of", changed[:MAX_PARTS])
        if len(changed) > MAX_PARTS:
            yield f"… and {len(changed) - MAX_PARTS:,} more"


def change_table(title: str, changes: Sequence[Change]) -> list[str]:
    """A line per change, with a header."""
    rows = [
        (show_name(name), number(before) or "-", number(after) or "-", _signed(change))
        for (name, before, after), change in ((each, each.difference) for each in changes)
    ]
    return numbers_right([(title, "before", "after", "change"), *rows])


def _signed(change: float | None) -> str:
    text = number(change)
    return f"+{text}" if change is not None and change > 0 else text or "-"

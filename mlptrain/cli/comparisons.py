"""A comparison of two evaluations as lines for the terminal."""

from collections.abc import Iterator, Sequence

from mlptrain.cli.layout import aligned, number, numbers_right
from mlptrain.comparison.compare import Change, Comparison
from mlptrain.comparison.diff import Difference, Pair
from mlptrain.comparison.settings import show_value
from mlptrain.tasks.metrics.measure import summary_names
from mlptrain.tasks.task import Task
from mlptrain.text import show_name, show_path

MAX_PARTS = 20
MAX_PAIRS = 10


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


def difference_lines(found: Difference) -> Iterator[str]:
    """What differs between two runs: the configs, the metrics, single predictions."""
    for label, result in (("a", found.a), ("b", found.b)):
        assert result.checkpoint is not None
        yield f"{label}     {show_path(result.checkpoint)}   epoch {result.epoch}"
    yield f"data  {show_path(found.b.data)}   n = {len(found.b.dataset):,}"
    yield ""
    if found.keys:
        first, second = found.settings
        rows = [(show_name(k), show_value(first, k), show_value(second, k)) for k in found.keys]
        yield from numbers_right([("config", "a", "b"), *rows])
    else:
        yield "the configs are the same"
    yield ""
    yield from comparison_lines(found.comparison, found.b.task)
    name = found.b.task.error_name
    titles = (f"{name} grew", f"{name} shrank") if name else ("now wrong", "now right")
    for title, pairs in zip(titles, (found.lost, found.gained), strict=True):
        if pairs:
            yield ""
            yield from _pair_table(title, pairs, by_error=bool(name))


def _pair_table(title: str, pairs: Sequence[Pair], *, by_error: bool) -> Iterator[str]:
    rows = []
    for each in pairs[:MAX_PAIRS]:
        errors = [f"{error:.4g}" for error in each.errors]
        shown = errors if by_error else [each.a.truth, each.a.answer, each.b.answer]
        rows.append((show_path(each.path), *map(show_name, shown)))
    yield from aligned([(title, *([] if by_error else ["true"]), "a", "b"), *rows])
    if len(pairs) > MAX_PAIRS:
        yield f"… and {len(pairs) - MAX_PAIRS:,} more"


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

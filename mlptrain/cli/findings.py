"""What `check` shows: the splits, the findings, and what training would cost."""

from pathlib import Path

from rich.text import Text

from mlptrain.cli.layout import LABEL_WIDTH, duration, plural
from mlptrain.cli.suggestions import shell
from mlptrain.cli.view import View
from mlptrain.survey.check import Check
from mlptrain.survey.cost import Cost
from mlptrain.survey.finding import Finding

_MOST_SHOWN = 3  # names of one finding
_COLOURS = {"error": "red", "warning": "yellow"}
_INDENT = " " * LABEL_WIDTH


class CheckView(View):
    """The check of a config."""

    def show(self, check: Check, config: Path) -> None:
        """Show what was found and, if training can begin, the command for it."""
        parts = [f"{name} {count:,}" for name, count in check.examples.items()]
        self._label("data", [" · ".join(parts) or "nothing could be read"])
        for finding in check.findings:
            self._show(finding)
        counts = [plural(check.count(each), each) for each in _COLOURS]
        self._line("")
        self._label("found", [", ".join(counts)])
        if check.cost is not None:
            self._label("cost", _told(check.cost))
            self._label("next", [f"mlptrain train {shell(config)}"])

    def _show(self, finding: Finding) -> None:
        first, *others = finding.what.split("\n")
        self._line("")
        head = Text(f"{finding.severity:<{LABEL_WIDTH}}", _COLOURS[finding.severity])
        self._line(head.append(f"{finding.where}: {first}", "default"))
        more = len(finding.names) - _MOST_SHOWN
        names = [f"  {name}" for name in finding.names[:_MOST_SHOWN]]
        names += [f"  … and {more:,} more"] if more > 0 else []
        for line in (*others, *names, *filter(None, [finding.remedy])):
            self._line(f"{_INDENT}{line}")


def _told(cost: Cost) -> list[str]:
    """What training would cost, in parts."""
    return [
        f"{cost.parameters:,} parameters",
        f"{plural(cost.epochs, 'epoch')} of {plural(cost.steps_per_epoch, 'step')}",
        f"at most about {_time(cost.seconds)}, by a few steps",
        f"about {cost.memory_bytes / 2**20:,.0f} MiB of memory",
    ]


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)

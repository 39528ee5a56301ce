"""All gates of an evaluation together, and what they leave behind."""

from collections.abc import Sequence
from pathlib import Path

from mlptrain.cli.drops import parse_drops
from mlptrain.cli.gates import check_names, parse_gates, require_passed
from mlptrain.cli.junit import write_junit
from mlptrain.cli.summaries import summarize_evaluation
from mlptrain.comparison.compare import Comparison
from mlptrain.errors import UsageError
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_path
from mlptrain.training.evaluated_model import EvaluatedModel


class GateCheck:
    """The gates given to `--min`, `--max` and, with a `baseline`, `--max-drop`; `junit` is the file
    for a report. Raises UsageError."""

    def __init__(
        self,
        minima: Sequence[str],
        maxima: Sequence[str],
        drops: Sequence[str],
        baseline: Path | None,
        junit: Path | None,
    ) -> None:
        self._gates, self._drops = parse_gates(minima, maxima), parse_drops(drops, baseline)
        self._junit = junit
        if junit and not (self._gates or self._drops):
            raise UsageError(
                f"--junit {show_path(junit)}: there is no gate to report. Add one, for example "
                "--min accuracy=0.95."
            )
        if junit and junit.suffix.lower() != ".xml":
            raise UsageError(
                f"--junit {show_path(junit)}: is not named .xml, as JUnit reports are."
            )

    def check_names(self, kind: type[Outcome], names: Sequence[str]) -> None:
        """Raise UsageError if a gate names a metric that outcomes of `kind` do not have, or a
        class, label or output that is not among `names`."""
        check_names((*self._gates, *self._drops), kind, names)

    def finish(self, result: EvaluatedModel, compared: Comparison | None) -> None:
        """Report on the gates where wanted. Raises GateMissedError, naming them in one line, if any
        was missed, and FileSystemError."""
        verdicts = [gate.judge(result.outcome) for gate in self._gates]
        verdicts += [drop.judge(compared) for drop in self._drops if compared]
        if self._junit:
            write_junit(self._junit, verdicts)
        summarize_evaluation(result, verdicts)
        require_passed(verdicts)

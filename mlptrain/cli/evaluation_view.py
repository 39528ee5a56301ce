"""What a person sees of an evaluation."""

from collections.abc import Iterable, Sequence

from mlptrain.cli.comparisons import comparison_lines
from mlptrain.cli.details import computing, data_details
from mlptrain.cli.notes import Detail
from mlptrain.cli.tables import confusions, further_metrics, headline, names_table, worst_examples
from mlptrain.cli.view import View
from mlptrain.comparison.compare import Comparison
from mlptrain.tasks.outcomes.decisions import ConfusionOutcome, DecisionOutcome
from mlptrain.text import show_name, show_path
from mlptrain.training.evaluated_model import EVALUATED, EvaluatedModel
from mlptrain.training.example_results import ExampleResult
from mlptrain.training.trained_model import TrainedModel

MATRIX_WIDTH = 120  # columns, if there is no terminal to set a limit


class EvaluationView(View):
    """An evaluation as tables, with notes on the images on stderr."""

    def reading(self, what: str, done: int, total: int) -> None:
        """Show how many of the images of `what` are done."""
        if what == EVALUATED:
            self._times.end("evaluation" if done else "reading")
        super().reading(what, done, total)

    def tell_of_images(self, result: EvaluatedModel) -> None:
        """Report what limits the meaning of the numbers."""
        outcome, place, words = result.outcome, show_path(result.data), result.dataset.words
        self.tell_of_reading(result.dataset.skipped, result.notes)
        if isinstance(outcome, DecisionOutcome) and outcome.missing:
            names = ", ".join(f"'{show_name(name)}'" for name in outcome.missing)
            things = words.values if outcome.by_pixel else words.many
            self._note(f"{place}: no {things} of {names}; the means leave them out")
        if result.trained_on:
            which = f"{result.trained_on:,} of the {words.count(outcome.examples)}"
            self._note(f"{place}: the model was trained on {which}")

    def tell_details(self, model: TrainedModel, result: EvaluatedModel) -> None:
        """Tell what was read, how, and how fast."""
        place = show_path(result.data)
        decoded = {place} if self._decoded - {EVALUATED} else set()
        for line in data_details([(place, result.dataset)], decoded):
            self._note(line, Detail.more)
        self._note(computing(model.state.threads, model.network.arena.backend), Detail.more)
        self._note(str(self._times), Detail.more)

    def show_tables(
        self,
        result: EvaluatedModel,
        worst: Sequence[ExampleResult],
        compared: Comparison | None = None,
    ) -> None:
        """The headline and the loss, a row per class, label or number, the confusion matrix, the
        `worst` examples, and what changed from a baseline."""
        outcome, name = result.outcome, result.task.headline
        assert result.checkpoint is not None
        self._live.end()
        self._label("model", [show_path(result.checkpoint), f"epoch {result.epoch}"])
        self._label("data", [show_path(result.data)])
        self._label(name, headline(name, outcome))
        self._label("loss", [f"{outcome.loss:.4f}"])
        if more := further_metrics(outcome, name):
            self._label("metrics", more)
        if outcome.names:
            self.out.print()
            self.out.print(names_table(outcome))
        if isinstance(outcome, ConfusionOutcome):
            self.out.print()
            for part in confusions(outcome, min(self.out.width, MATRIX_WIDTH)):
                self.out.print(part)
        if lines := worst_examples(result.task, worst):
            self._lines(["", *lines])
        if compared:
            self._line("")
            if seen := compared.before.trained_on:
                which = f"{seen:,} of the {result.dataset.words.count(compared.before.examples)}"
                self._note(f"warning: the baseline was trained on {which}")
            self._label("baseline", [show_path(compared.before.model or "a model in memory")])
            self._lines(comparison_lines(compared, result.task))

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._line(line)

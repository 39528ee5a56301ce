"""What `Model.evaluate` returns."""

from typing import Any

from mlptrain.api.html import notes_list, records_table, shown, table
from mlptrain.training.evaluated_model import EvaluatedModel
from mlptrain.training.evaluation_record import evaluation_record

_PER_NAME = ("classes", "labels", "outputs")


class Evaluation(dict[str, Any]):
    """The object that `mlptrain eval --json` prints: `evaluation["accuracy"]`, and every metric in
    `evaluation["metrics"]`. Undefined values are None.

    Attributes:
        notes: what the user should know about the examples.
    """

    def __init__(self, result: EvaluatedModel) -> None:
        super().__init__(evaluation_record(result))
        self._headline = result.task.headline
        self.notes = result.notes

    def __repr__(self) -> str:
        metrics = self["metrics"]
        measured = [f"{name} {shown(metrics[name])}" for name in (self._headline, "loss")]
        return f"<Evaluation on {self['data']}: {', '.join(measured)}, n = {self['examples']:,}>"

    def _repr_html_(self) -> str:
        caption = f"{self['data']}: {self['examples']:,} examples"
        parts = [table(("metric", "value"), self["metrics"].items(), caption)]
        parts += [records_table(self[key]) for key in _PER_NAME if key in self]
        return "".join(parts) + notes_list(self.notes)

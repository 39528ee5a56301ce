"""A metric."""

from typing import ClassVar, Literal

from mlptrain.tasks.metrics.metric import ClassMetric, metrics, ratio


@metrics.register
class Youden(ClassMetric):
    """Recall plus specificity minus 1 (Youden, 1950): 0 by chance, 1 where all is right."""

    type: Literal["youden"] = "youden"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def per_class(self, outcome):
        others = outcome.total - outcome.support
        false = outcome.predicted - outcome.hits
        return ratio(outcome.hits, outcome.support) - ratio(false, others)

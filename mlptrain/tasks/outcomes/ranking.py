"""How well scores rank the examples of a class above the rest: areas under two curves."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def areas_under_curves(truth: NDArray[np.bool_], scores: NDArray[Any]) -> tuple[float, float]:
    """The area under the ROC curve and the average precision of scores (n,) for truth (n,).

    ROC: of all pairs of a positive and a negative example, the share in which the positive one
    scores higher, ties counting half; NaN unless there are both. Average precision: the precision
    at each positive example's score as the threshold, averaged; NaN without positive examples."""
    positives, negatives = np.sort(scores[truth]), np.sort(scores[~truth])
    p, n = len(positives), len(negatives)
    if not p:
        return math.nan, math.nan
    below = np.searchsorted(negatives, positives)
    not_above = np.searchsorted(negatives, positives, side="right")
    roc = int(below.sum() + not_above.sum()) / (2 * p * n) if n else math.nan
    positives_from = p - np.searchsorted(positives, positives)
    return roc, float(np.mean(positives_from / (positives_from + n - below)))

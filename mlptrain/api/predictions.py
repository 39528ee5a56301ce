"""What `Model.predict` returns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.api.html import notes_list
from mlptrain.api.records import Records
from mlptrain.data.loading.stream import BadImage


class Predictions(Records):
    """A prediction per example: records as `mlptrain predict --json` prints them, without
    `path` if the examples are arrays. `predictions["label"]` is an array of all labels.

    Attributes:
        values: (n, …) what the network computed, in the units of the targets: probabilities
            (n, classes) or (n, labels), numbers (n, k), pixels (n, H, W, C) in [0, 1], or, for
            segmentation, probabilities (n, H, W, classes).
        pictures: (n, H, W) or (n, H, W, C) uint8 if the predictions are images: masks with the
            values of training, or pixels. Else None.
        skipped: the images that could not be read.
        notes: what the user should know about the examples.
    """

    def __init__(
        self,
        records: Sequence[dict[str, Any]],
        values: NDArray[Any],
        pictures: NDArray[np.uint8] | None,
        skipped: Sequence[BadImage],
        notes: Sequence[str],
    ) -> None:
        super().__init__(records)
        self.values = values
        self.pictures = pictures
        self.skipped = tuple(skipped)
        self.notes = tuple(notes)

    def _repr_html_(self) -> str:
        return super()._repr_html_() + notes_list(self.notes)

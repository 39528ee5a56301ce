"""What the readers of other tools' files find."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlptrain.export.network import Floats, Step
from mlptrain.paths import UnreadableError


class Read(NamedTuple):
    """A network in a file.

    Attributes:
        steps: from the inputs to the predictions; a flattening Reshape has the shape (-1,).
        shape: of an example's inputs.
        about: what `Network.about` says, if the file holds that or a part of it.
    """

    steps: Sequence[Step]
    shape: tuple[int, ...]
    about: dict[str, Any] | None


def require_finite(name: str, array: Floats) -> Floats:
    """`array`. Raises UnreadableError if it holds NaN or Inf."""
    if not np.isfinite(array).all():
        raise UnreadableError(f"holds NaN or Inf in {name}")
    return array

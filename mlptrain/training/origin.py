"""Where a run's first weights came from, if they were not random."""

from typing import Literal

from mlptrain.registry import Definition


class Origin(Definition):
    """The weights that a run started from: the path and the digest of their file, as it then was,
    and whether the state of the optimizer was new."""

    path: str
    sha256: str
    optimizer: Literal["new", "keep"]

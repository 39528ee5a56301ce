"""What counts as an improvement of a loss, for everything that waits for one."""

from typing import Annotated, Literal

from pydantic import Field

MinDelta = Annotated[
    float, Field(ge=0, description="how much better counts as an improvement, >= 0")
]
Reference = Literal["improvement", "best"]
MinDeltaFrom = Annotated[
    Reference,
    Field(description="from the last improvement, or from the best value (scikit-learn's tol)"),
]


def is_improvement(loss: float, reference: float, min_delta: float, kind: Reference) -> bool:
    """Whether `loss` is enough below `reference`: the loss of the last improvement, of which it
    must be better by more than `min_delta` (as in Keras and PyTorch), or the lowest loss so far, of
    which it must be better by at least `min_delta` (scikit-learn's tol)."""
    if kind == "best":
        return loss <= reference - min_delta
    return loss < reference - min_delta


def next_reference(loss: float, reference: float, *, improved: bool, kind: Reference) -> float:
    """The reference for the next loss."""
    return loss if improved else min(loss, reference) if kind == "best" else reference

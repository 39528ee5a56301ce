"""Constraints on weights: after each update, weights are projected onto the allowed set."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlptrain.autodiff.function import Scratch, Shape
from mlptrain.backend.call import Array
from mlptrain.registry import Definition, Registry


class Constraint(Definition):
    """`project(self, xp, out, ...)` projects the parameter `out` in place. It may ask for the work
    arrays in `scratch`, and allocates nothing."""

    project: ClassVar[Callable[..., None]]

    def scratch(self, shape: Shape) -> dict[str, Scratch]:
        """The work arrays for a parameter of this shape."""
        return {}


constraints: Registry[Constraint] = Registry("constraint", Constraint)


@constraints.register
class MaxNorm(Constraint):
    """The weights of each unit, a column of the kernel, have a Euclidean norm of at most `limit`
    (Srivastava et al., 2014)."""

    type: Literal["max_norm"] = "max_norm"
    limit: Annotated[float, Field(gt=0, description="largest norm of a unit's weights")] = 2.0

    def scratch(self, shape: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shape), "row": Scratch((1, shape[1]))}

    def project(self, xp: Any, out: Array, part: Array, row: Array) -> None:
        xp.multiply(out, out, out=part)
        xp.add.reduce(part, axis=0, keepdims=True, out=row)
        xp.sqrt(row, out=row)
        xp.maximum(row, self.limit, out=row)
        xp.divide(self.limit, row, out=row)
        xp.multiply(out, row, out=out)


@constraints.register
class NonNegative(Constraint):
    """No weight is below 0."""

    type: Literal["non_negative"] = "non_negative"

    def project(self, xp: Any, out: Array) -> None:
        xp.maximum(out, 0, out=out)

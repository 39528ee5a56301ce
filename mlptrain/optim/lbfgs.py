"""L-BFGS: a quasi-Newton method, which estimates the curvature of the loss from the last steps."""

import math
from typing import Annotated, Literal

from pydantic import Field

from mlptrain.backend.call import Array
from mlptrain.optim.line_search import Point, line_search
from mlptrain.optim.optimizers import FullBatchOptimizer, Objective, optimizers

EPSILON = 2.0**-52  # of float64
LEAST_DECREASE = 1e7 * EPSILON  # of an iteration, relative to the loss (L-BFGS-B's factr)


@optimizers.register
class LBFGS(FullBatchOptimizer):
    """w ← w - t H g on all examples at once. H approximates the inverse Hessian from the last steps
    (Liu & Nocedal, 1989), t comes from a line search. An epoch is one iteration."""

    type: Literal["lbfgs"] = "lbfgs"
    history: Annotated[
        int, Field(ge=1, le=1000, description="how many steps H is estimated from, 1 to 1000")
    ] = 10
    tolerance: Annotated[
        float, Field(ge=0, description="stop once no partial derivative exceeds it, >= 0")
    ] = 1e-5
    max_evaluations: Annotated[
        int | None,
        Field(ge=1, description="end after the iteration that exceeds so many evaluations"),
    ] = None

    def state(self) -> tuple[str, ...]:
        """The gradient; the last steps s, and for each the change y of the gradient."""
        places = range(self.history)
        return (*super().state(), *(f"s{i}" for i in places), *(f"y{i}" for i in places))

    def work(self) -> tuple[str, ...]:
        return ("direction", "part")

    def iterate(
        self, objective: Objective, vectors: dict[str, Array], memory: dict[str, float]
    ) -> None:
        """One iteration. memory["steps"] counts the pairs s, y so far; beyond `history`, a new pair
        replaces the oldest. memory["evaluations"] counts those of the objective."""
        if "loss" not in memory:
            memory.update(steps=0, evaluations=0)
            memory["loss"] = _evaluated(objective, memory)
        before = memory["loss"]
        if self._is_flat(objective, vectors["part"]):
            memory["converged"] = 1
            return
        if not self._search(objective, vectors, memory) and memory["steps"]:
            memory["steps"] = 0  # try again along the gradient
            self._search(objective, vectors, memory)
        gain = before - memory["loss"]
        is_small = gain <= LEAST_DECREASE * max(abs(before), abs(memory["loss"]), 1)
        if is_small or self._is_flat(objective, vectors["part"]):
            memory["converged"] = 1
        elif self.max_evaluations and memory["evaluations"] > self.max_evaluations:
            memory["stop"] = 1

    def _is_flat(self, objective: Objective, part: Array) -> bool:
        objective.xp.abs(objective.g, out=part)
        return bool(part.max() <= self.tolerance)

    def _search(
        self, objective: Objective, vectors: dict[str, Array], memory: dict[str, float]
    ) -> bool:
        """Make the step that a line search finds, and store its pair s, y. Returns whether there is
        one; if not, w and g stay as they are."""
        xp, w, g = objective.xp, objective.w, objective.g
        direction, place = vectors["direction"], int(memory["steps"]) % self.history
        self._descend(objective, vectors, int(memory["steps"]))
        start = Point(0.0, memory["loss"], float(direction.dot(g)))
        if not start.slope < 0:
            return False
        s, y = vectors[f"s{place}"], vectors[f"y{place}"]
        xp.copyto(s, w)
        xp.copyto(y, g)

        def at(t: float) -> tuple[float, float]:
            xp.multiply(direction, t, out=w)
            xp.add(w, s, out=w)
            return _evaluated(objective, memory), float(direction.dot(g))

        first = 1.0 if memory["steps"] else 1 / math.sqrt(-start.slope)  # of length 1
        here = line_search(at, start, first)
        if here is None:
            xp.copyto(w, s)
            _evaluated(objective, memory)
            return False
        memory["loss"] = here.loss
        xp.multiply(direction, here.t, out=s)
        xp.subtract(g, y, out=y)
        curved = here.slope - start.slope > EPSILON * -start.slope
        memory["steps"] = memory["steps"] + 1 if curved else 0
        return True

    def _descend(self, objective: Objective, vectors: dict[str, Array], steps: int) -> None:
        """direction = -H g (Nocedal & Wright, 2006, algorithm 7.4)."""
        xp, direction, part = objective.xp, vectors["direction"], vectors["part"]
        places = [i % self.history for i in range(max(0, steps - self.history), steps)]
        pairs = [(vectors[f"s{i}"], vectors[f"y{i}"]) for i in places]
        curvatures = [float(s.dot(y)) for s, y in pairs]
        shares = []
        xp.negative(objective.g, out=direction)
        for (s, y), curvature in zip(reversed(pairs), reversed(curvatures), strict=True):
            shares.append(float(s.dot(direction)) / curvature)
            xp.multiply(y, shares[-1], out=part)
            xp.subtract(direction, part, out=direction)
        if pairs:
            y = pairs[-1][1]
            xp.multiply(direction, curvatures[-1] / float(y.dot(y)), out=direction)
        for (s, y), curvature, share in zip(pairs, curvatures, reversed(shares), strict=True):
            xp.multiply(s, share - float(y.dot(direction)) / curvature, out=part)
            xp.add(direction, part, out=direction)


def _evaluated(objective: Objective, memory: dict[str, float]) -> float:
    """The loss at the current parameters."""
    memory["evaluations"] += 1
    return objective.evaluate()

"""An optimizer that evaluates all examples where it likes."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.optim.optimizers import FullBatchOptimizer, optimizers


@optimizers.register
class SteepestDescent(FullBatchOptimizer):
    """w ← w - t g: t grows by half after each step that lowers the loss, and is halved until one
    does."""

    type: Literal["steepest_descent"] = "steepest_descent"
    first: Annotated[float, Field(gt=0, description="the first t, above 0")] = 0.1

    def work(self):
        return ("start", "step")

    def iterate(self, objective, vectors, memory):
        xp, w, g = objective.xp, objective.w, objective.g
        before = memory["loss"] if "loss" in memory else objective.evaluate()
        t = memory.get("t", self.first)
        xp.copyto(vectors["start"], w)
        xp.multiply(g, -t, out=vectors["step"])
        for _ in range(20):
            xp.add(vectors["start"], vectors["step"], out=w)
            loss = objective.evaluate()
            if loss < before:
                memory.update(loss=loss, t=1.5 * t)
                return
            t /= 2
            xp.divide(vectors["step"], 2, out=vectors["step"])
        xp.copyto(w, vectors["start"])
        memory.update(loss=objective.evaluate(), converged=1)

"""A layer with state that is not trained: a running mean."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.autodiff.function import Function, Scratch
from mlptrain.nn.layers import Layer, layers


class CentreByBatch(Function):
    """y = x - mean of the batch; running ← momentum running + (1 - momentum) mean."""

    momentum: float = 0.9
    updates: ClassVar = ("running",)

    def scratch(self, *shapes):
        return {"mean": Scratch(shapes[1]), "part": Scratch(shapes[1])}

    def forward(self, xp, out, x, running, *, mean, part):
        xp.mean(x, axis=0, out=mean)
        xp.subtract(x, mean, out=out)
        xp.multiply(mean, 1 - self.momentum, out=part)
        xp.multiply(running, self.momentum, out=running)
        xp.add(running, part, out=running)

    def gradient_x(self, xp, out, g, part):
        """g - mean of g over the batch"""
        xp.mean(g, axis=0, out=part)
        xp.subtract(g, part, out=out)


class SubtractRow(Function):
    """y = x - row."""

    def forward(self, xp, out, x, row):
        xp.subtract(x, row, out=out)


@layers.register
class Centred(Layer):
    """Subtracts the mean of the batch in training, the running mean in evaluation."""

    type: Literal["centred"] = "centred"
    momentum: Annotated[
        float, Field(ge=0, lt=1, description="share of the running mean kept per step, below 1")
    ] = 0.9

    def state_shapes(self, inputs):
        return {"mean": (inputs,)}

    def record(self, x, parameters):
        if x.tape.training:
            return CentreByBatch(momentum=self.momentum)(x, parameters["mean"])
        return SubtractRow()(x, parameters["mean"])

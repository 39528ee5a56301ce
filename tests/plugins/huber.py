"""A loss."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.functions.losses import Loss, losses, write_targets


@losses.register
class Huber(Loss):
    """lossᵢ = Σⱼ c (d - c / 2) / n with d = xᵢⱼ - tᵢⱼ and c = d cut to ±delta (Huber, 1964)."""

    type: Literal["huber"] = "huber"
    from_logits = False
    delta: Annotated[float, Field(gt=0, description="where the loss goes over into a line")] = 1.0

    def forward(self, xp, out, x, targets, weights, *, t, classes, p, part, row):
        """Leaves c in `part`."""
        write_targets(xp, t, targets, classes)
        xp.subtract(x, t, out=p)
        xp.clip(p, -self.delta, self.delta, out=part)
        xp.multiply(part, -0.5, out=t)
        t += p
        t *= part
        xp.add.reduce(t, axis=1, keepdims=True, out=row)
        row /= x.shape[1]
        xp.dot(row[:, 0], weights, out=out)

    def gradient_x(self, xp, out, g, x, part, weights):
        """g c / n · weightᵢ"""
        xp.multiply(part, weights[:, None], out=out)
        out /= x.shape[1]
        out *= g

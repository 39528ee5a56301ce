"""An activation."""

from typing import Literal

from mlptrain.autodiff.function import Scratch
from mlptrain.functions.activations import Activation, activations


@activations.register
class Mish(Activation):
    """y = x tanh(log(1 + eˣ)) (Misra, 2019)."""

    type: Literal["mish"] = "mish"

    def scratch(self, *shapes):
        return {"t": Scratch(shapes[0]), "part": Scratch(shapes[0])}

    def forward(self, xp, out, x, *, t):
        xp.logaddexp(x, 0, out=t)
        xp.tanh(t, out=t)
        xp.multiply(x, t, out=out)

    def gradient_x(self, xp, out, g, x, t, part):
        """g (t + x (1 - t²) / (1 + e⁻ˣ))"""
        xp.multiply(t, t, out=part)
        xp.subtract(1, part, out=part)
        part *= x
        xp.negative(x, out=out)
        xp.exp(out, out=out)
        out += 1
        xp.divide(part, out, out=out)
        out += t
        out *= g

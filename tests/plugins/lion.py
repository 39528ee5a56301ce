"""An optimizer."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.optim.optimizers import MiniBatchOptimizer, optimizers


@optimizers.register
class Lion(MiniBatchOptimizer):
    """w ← w - ρ sign(β₁ m + (1 - β₁) g), m ← β₂ m + (1 - β₂) g (Chen et al., 2023)."""

    type: Literal["lion"] = "lion"
    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")] = 1e-4
    beta_1: Annotated[float, Field(ge=0, lt=1, description="share of m in a step, below 1")] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1, description="memory of m, below 1")] = 0.99

    def state(self):
        return ("m",)

    def coefficients(self, rate, step):
        return rate, self.beta_1, self.beta_2

    def update(self, xp, w, g, part, coefficients, m):
        rate, beta_1, beta_2 = coefficients
        m -= g
        xp.multiply(m, beta_1, out=part)
        part += g
        xp.sign(part, out=part)
        part *= rate
        w -= part
        m *= beta_2
        m += g

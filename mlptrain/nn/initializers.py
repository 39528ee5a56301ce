"""The registry of kernel initializers.

A kernel (n, units) connects `fan_in` = n inputs to `fan_out` = units outputs. Entries of the right
variance keep activations and gradients at the same scale from layer to layer.
"""

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.registry import Definition, Registry


class Initializer(Definition):
    """`sample` draws a kernel (n, units) in float64."""

    @abstractmethod
    def sample(self, random: "np.random.Generator", shape: tuple[int, int]) -> NDArray[np.float64]:
        """Draw the entries for `shape` = (n, units)."""


initializers: Registry[Initializer] = Registry("initializer", Initializer)


class VarianceScaling(Initializer):
    """Entries of mean 0 and variance scale / fan, normal or uniform.

    `fan` is fan_in, or the average of fan_in and fan_out."""

    scale: ClassVar[float]
    fan: ClassVar[Literal["in", "average"]] = "in"
    normal: ClassVar[bool]

    def sample(self, random: "np.random.Generator", shape: tuple[int, int]) -> NDArray[np.float64]:
        fan = shape[0] if self.fan == "in" else sum(shape) / 2
        deviation = math.sqrt(self.scale / fan)
        if self.normal:
            return random.normal(0.0, deviation, shape)
        limit = math.sqrt(3) * deviation
        return random.uniform(-limit, limit, shape)


@initializers.register
class HeNormal(VarianceScaling):
    """N(0, 2 / fan_in), for the relu family (He et al., 2015)."""

    type: Literal["he_normal"] = "he_normal"
    scale: ClassVar[float] = 2.0
    normal: ClassVar[bool] = True


@initializers.register
class HeUniform(VarianceScaling):
    """Uniform of variance 2 / fan_in, for the relu family (He et al., 2015)."""

    type: Literal["he_uniform"] = "he_uniform"
    scale: ClassVar[float] = 2.0
    normal: ClassVar[bool] = False


@initializers.register
class GlorotNormal(VarianceScaling):
    """N(0, 2 / (fan_in + fan_out)), for tanh, sigmoid and softmax (Glorot & Bengio, 2010)."""

    type: Literal["glorot_normal"] = "glorot_normal"
    scale: ClassVar[float] = 1.0
    fan: ClassVar[Literal["in", "average"]] = "average"
    normal: ClassVar[bool] = True


@initializers.register
class GlorotUniform(VarianceScaling):
    """Uniform of variance 2 / (fan_in + fan_out) (Glorot & Bengio, 2010)."""

    type: Literal["glorot_uniform"] = "glorot_uniform"
    scale: ClassVar[float] = 1.0
    fan: ClassVar[Literal["in", "average"]] = "average"
    normal: ClassVar[bool] = False


@initializers.register
class LecunNormal(VarianceScaling):
    """N(0, 1 / fan_in) (LeCun et al., 1998)."""

    type: Literal["lecun_normal"] = "lecun_normal"
    scale: ClassVar[float] = 1.0
    normal: ClassVar[bool] = True


@initializers.register
class LecunUniform(VarianceScaling):
    """Uniform of variance 1 / fan_in (LeCun et al., 1998)."""

    type: Literal["lecun_uniform"] = "lecun_uniform"
    scale: ClassVar[float] = 1.0
    normal: ClassVar[bool] = False


@initializers.register
class Zeros(Initializer):
    """All zero. A hidden layer of zeros never learns: all its units stay equal."""

    type: Literal["zeros"] = "zeros"

    def sample(self, random: "np.random.Generator", shape: tuple[int, int]) -> NDArray[np.float64]:
        return np.zeros(shape)

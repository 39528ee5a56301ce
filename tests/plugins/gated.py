"""A layer."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.functions.activations import Sigmoid
from mlptrain.functions.elementwise import Multiply
from mlptrain.functions.linear import MatMul
from mlptrain.nn.initializers import GlorotUniform
from mlptrain.nn.layers import Layer, layers


@layers.register
class Gated(Layer):
    """y = (x kernel) σ(x gate), a gated linear unit (Dauphin et al., 2017)."""

    type: Literal["gated"] = "gated"
    units: Annotated[int, Field(ge=1, description="outputs of the layer")]

    def outputs(self, inputs):
        return self.units

    def shapes(self, inputs):
        return {"kernel": (inputs, self.units), "gate": (inputs, self.units)}

    def initial(self, name, shape, random):
        return GlorotUniform().sample(random, shape)

    def record(self, x, parameters):
        gate = Sigmoid()(MatMul()(x, parameters["gate"]))
        return Multiply()(MatMul()(x, parameters["kernel"]), gate)

"""An ONNX file: preprocessing and softmax inside, any number of examples at a time."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from mlptrain.export.network import (
    Activate,
    Dense,
    Floats,
    Reshape,
    Residual,
    Scale,
    Step,
)
from mlptrain.export.spellings import spelled
from mlptrain.export.target import Target, needed, targets
from mlptrain.training.trained_model import TrainedModel

OPSET = 20  # the first with Gelu
IR_VERSION = 9
OUTPUTS = {"regression": "numbers", "autoencoder": "images"}  # of other tasks: probabilities


@targets.register
class Onnx(Target):
    """ONNX, run by ONNX Runtime: images uint8 (N, H, W, C) or numbers float32 (N, k) to
    predictions."""

    type: Literal["onnx"] = "onnx"
    title: ClassVar[str] = "ONNX"
    name: ClassVar[str] = "model.onnx"
    tools: ClassVar[Sequence[str]] = ("onnxruntime",)
    runs: ClassVar[str] = (
        "import onnxruntime\n"
        "session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])\n"
        "(y,) = session.run(None, {session.get_inputs()[0].name: x})"
    )

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        try:
            from onnx import TensorProto, helper
        except ImportError:
            raise needed("onnx", "onnx") from None
        graph = _Graph()
        x = "images" if network.form else "numbers"
        kind = TensorProto.UINT8 if network.form else TensorProto.FLOAT
        begin = helper.make_tensor_value_info(x, kind, ["N", *network.shape])
        y = graph.steps(graph.node("Cast", x, to=TensorProto.FLOAT), network.steps)
        output = OUTPUTS.get(network.task, "probabilities")
        if output == x:
            output = "predictions"
        graph.nodes.append(helper.make_node("Identity", [y], [output]))
        end = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", *network.predicts])
        made = helper.make_model(
            helper.make_graph(graph.nodes, "mlptrain", [begin], [end], graph.constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mlptrain",
        )
        helper.set_model_props(made, {k: json.dumps(v) for k, v in network.about().items()})
        return {self.name: made.SerializeToString()}


class _Graph:
    """The nodes and constants of a graph; the names of values are numbered."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        from onnx import helper

        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, array: Floats | Sequence[int]) -> str:
        """Add a constant, of floats or int64; returns its name."""
        from onnx import numpy_helper

        values = array if isinstance(array, np.ndarray) else np.array(array, np.int64)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def steps(self, x: str, steps: Iterable[Step]) -> str:
        """Add `steps` on the value `x`; returns the name of the result."""
        for step in steps:
            match step:
                case Scale():
                    x = self.node("Mul", x, self.constant(step.scale))
                    x = self.node("Add", x, self.constant(step.offset))
                case Reshape():
                    x = self.node("Reshape", x, self.constant((-1, *step.shape)))
                case Dense():
                    x = self.node("MatMul", x, self.constant(step.kernel))
                    x = self.node("Add", x, self.constant(step.bias))
                case Activate():
                    x = self._activation(x, spelled("onnx", step))
                case Residual():
                    x = self.node("Add", x, self.steps(x, step.steps))
        return x

    def _activation(self, x: str, spelling: str) -> str:
        match spelling.split():
            case [operator]:
                return self.node(operator, x)
            case [operator, "*"]:
                return self.node("Mul", x, self.node(operator, x))
            case [operator, attribute, value]:
                number = value.replace(".", "").replace("e-", "").isdigit()
                return self.node(operator, x, **{attribute: float(value) if number else value})
        raise AssertionError(spelling)

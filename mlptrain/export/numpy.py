"""A Python file with the weights inside, which needs only NumPy and, for images, Pillow."""

import base64
from collections.abc import Sequence
from typing import ClassVar, Literal

from mlptrain.export.network import Network
from mlptrain.export.script import Phrases, statements
from mlptrain.export.spellings import spelled
from mlptrain.export.target import Target, filled, targets
from mlptrain.training.trained_model import TrainedModel

PHRASES = Phrases(
    scale="x = x * W[{0}] + W[{1}]",
    dense="x = x @ W[{0}] + W[{1}]",
    reshape=lambda shape: f"x = x.reshape(len(x), {', '.join(map(str, shape))})",
    activate=lambda step: f"x = {spelled('numpy', step)}",
    keep="kept_{0} = x",
    add="x = kept_{0} + x",
)


@targets.register
class NumPy(Target):
    """One Python file with the weights inside: a program that prints predictions for image files or
    tables, and a module with `predict`. It needs NumPy and, for images, Pillow."""

    type: Literal["numpy"] = "numpy"
    title: ClassVar[str] = "Python with NumPy"
    name: ClassVar[str] = "predict.py"
    tools: ClassVar[Sequence[str]] = ("numpy",)
    runs: ClassVar[str] = "import runpy\ny = runpy.run_path(path)['predict'](x)"

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        lines, arrays = statements(network, PHRASES)
        weights = (
            f"    ({array.shape}, {base64.b64encode(array.astype('<f4').tobytes()).decode()!r}),"
            for array in arrays
        )
        text = filled(
            "predict.py.txt",
            about=_about(network),
            steps="\n".join(f"        {line}" for line in lines),
            weights="\n".join(weights),
        )
        return {self.name: text.encode()}


def _about(network: Network) -> str:
    """What the program knows of the model, as assignments. Names are ASCII with escapes."""
    form = network.form
    mode = form and {"grayscale": "L", "rgb": "RGB"}[str(form.mode)]
    about = {
        "TASK": network.task,
        "SHAPE": network.shape,
        "NAMES": network.names,
        "FEATURES": network.features,
        "MODE": mode,
        "RESIZE": form and form.resize,
        "BACKGROUND": form and form.background,
    }
    return "\n".join(f"{name} = {value!a}" for name, value in about.items())

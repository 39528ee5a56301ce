"""A PyTorch state_dict in a safetensors file, and a Python file with the nn.Sequential for it."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import safetensors.numpy

from mlptrain.export.network import Activate, Dense, Dropout, Floats, Reshape, Residual, Scale, Step
from mlptrain.export.spellings import spelled
from mlptrain.export.target import ABOUT, Target, filled, targets
from mlptrain.training.trained_model import TrainedModel


@targets.register
class Torch(Target):
    """PyTorch: a state_dict, and a Python file with the `nn.Sequential` that takes it."""

    type: Literal["torch"] = "torch"
    title: ClassVar[str] = "PyTorch"
    name: ClassVar[str] = "torch"
    is_folder: ClassVar[bool] = True
    tools: ClassVar[Sequence[str]] = ("torch",)
    runs: ClassVar[str] = (
        "import runpy, torch\n"
        "network = runpy.run_path(path + '/model.py')['model']()\n"
        "with torch.inference_mode():\n"
        "    y = network(torch.from_numpy(x.copy())).numpy()"
    )

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        arrays: dict[str, Floats] = {}
        lines = _modules(network.steps, "", " " * 8, arrays)
        text = filled("torch_model.py.txt", modules="\n".join(lines))
        about = {ABOUT: json.dumps({**network.about(), "modules": modules(network.steps)})}
        return {
            "model.safetensors": safetensors.numpy.save(arrays, about),
            "model.py": text.encode(),
        }


def modules(steps: Sequence[Step]) -> list[Any]:
    """What `steps` are, but for their arrays, as JSON has it."""
    found: list[Any] = []
    for step in steps:
        match step:
            case Residual():
                found.append(["residual", modules(step.steps)])
            case Reshape():
                found.append(["reshape", list(step.shape)])
            case Dropout():
                found.append(["dropout", step.rate])
            case Activate():
                found.append(["activation", step.name, dict(step.settings)])
            case _:
                found.append([step.kind])
    return found


def _modules(
    steps: Sequence[Step], before: str, indent: str, arrays: dict[str, Floats]
) -> list[str]:
    """A line per module, in order; what they hold goes into `arrays`, by its name in the
    state_dict, which begins with `before`."""
    lines = []
    for index, step in enumerate(steps):
        name = f"{before}{index}"
        match step:
            case Scale():
                arrays |= {f"{name}.scale": step.scale, f"{name}.offset": step.offset}
                lines.append(f"Scale({len(step.scale)}),")
            case Dense():
                arrays[f"{name}.weight"] = np.ascontiguousarray(step.kernel.T)
                arrays[f"{name}.bias"] = step.bias
                lines.append(f"nn.Linear{step.kernel.shape},")
            case Reshape(shape):
                flat = len(shape) == 1
                lines.append("nn.Flatten()," if flat else f"nn.Unflatten(1, {shape}),")
            case Activate():
                lines.append(f"{spelled('torch', step)},")
            case Dropout():
                lines.append(f"nn.Dropout({step.rate}),")
            case Residual():
                inside = _modules(step.steps, f"{name}.inside.", "    ", arrays)
                lines += ["Residual(", *inside, "),"]
    return [indent + line for line in lines]

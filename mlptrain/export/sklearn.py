"""scikit-learn's MLPClassifier or MLPRegressor: its attributes as plain arrays in an .npz file, and
a Python file that puts them into the estimator. A pickle would run code where it is read."""

import io
import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.errors import UsageError
from mlptrain.export.network import Activate, Dense, Network, Scale
from mlptrain.export.spellings import spelled
from mlptrain.export.target import ABOUT, Target, filled, targets
from mlptrain.text import exact
from mlptrain.training.trained_model import TrainedModel

HIDDEN = ("identity", "logistic", "tanh", "relu")
Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


@targets.register
class ScikitLearn(Target):
    """scikit-learn's own MLPClassifier or MLPRegressor. Its inputs are rows of numbers: pixels
    0 … 255, row by row, or columns as they are."""

    type: Literal["sklearn"] = "sklearn"
    title: ClassVar[str] = "scikit-learn"
    name: ClassVar[str] = "sklearn"
    is_folder: ClassVar[bool] = True
    tools: ClassVar[Sequence[str]] = ("sklearn",)
    runs: ClassVar[str] = (
        "import runpy\n"
        "estimator = runpy.run_path(path + '/model.py')['model']()\n"
        "predict = getattr(estimator, 'predict_proba', estimator.predict)\n"
        "y = predict(x.reshape(len(x), -1))"
    )

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        layers, hidden, output = _estimator(network)
        arrays: dict[str, NDArray[Any]] = {
            "activation": np.array([hidden]),
            "out_activation_": np.array([output]),
            ABOUT: np.array([json.dumps(network.about())]),
        }
        if network.task in {"classification", "multi_label"}:
            arrays["classes_"] = np.array([exact(name) for name in network.names])
        for index, (kernel, bias) in enumerate(layers):
            arrays |= {f"coefs_{index}": kernel, f"intercepts_{index}": bias}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return {
            "model.npz": buffer.getvalue(),
            "model.py": filled("sklearn_model.py.txt").encode(),
        }


def _estimator(network: Network) -> tuple[Layers, str, str]:
    """The kernels and biases, with all scaling in the first and last of them, and the names of the
    hidden and the output activation. Raises UsageError."""
    layers: Layers = []
    activations: list[str] = []
    scales = [step for step in network.steps if isinstance(step, Scale)]
    for step in network.steps:
        match step:
            case Dense():
                layers.append((step.kernel.astype(float), step.bias.astype(float)))
                activations.append("identity")
            case Activate():
                activations[-1] = spelled("sklearn", step)
    *hidden, output = activations
    _require_hidden(set(hidden))
    kernel, bias = layers[0]
    first = scales[0]
    each = len(kernel) // len(first.scale)
    scale, offset = (np.tile(a, each).astype(float) for a in (first.scale, first.offset))
    layers[0] = scale[:, None] * kernel, bias + offset @ kernel
    kernel, bias = layers[-1]
    if network.task == "regression" and output == "identity":
        last = scales[1]
        layers[-1] = kernel * last.scale, bias * last.scale + last.offset
    elif output == "softmax" and len(network.names) == 2:
        layers[-1] = np.diff(kernel, axis=1), np.diff(bias)
        output = "logistic"
    elif network.task == "multi_label" and len(network.names) == 1:
        raise UsageError("--to sklearn: it has no classifier of one label. Use --to numpy or onnx.")
    return layers, (hidden or ["identity"])[0], output


def _require_hidden(names: set[str]) -> None:
    if len(names) > 1:
        raise UsageError(
            f"--to sklearn: the hidden layers have the activations {' and '.join(sorted(names))}; "
            "its networks have one for all. Use --to numpy or onnx."
        )
    if not names <= set(HIDDEN):
        raise UsageError(
            f"--to sklearn: the hidden layers have the activation {' '.join(names)}. It has "
            f"{', '.join(HIDDEN)}. Use --to numpy or onnx."
        )

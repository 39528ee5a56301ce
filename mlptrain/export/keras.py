"""A .keras file: the config of a Sequential model, and its weights in HDF5."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from mlptrain.export.network import (
    Activate,
    Dense,
    Dropout,
    Floats,
    Network,
    Reshape,
    Scale,
    Step,
)
from mlptrain.export.spellings import spelled
from mlptrain.export.target import ABOUT, Target, needed, targets
from mlptrain.training.trained_model import TrainedModel

VERSION = "3.0.0"  # of Keras, the first with this format
NUMBERED = {  # class -> the name of its layers, which are numbered from the second on
    "Rescaling": "rescaling",
    "Flatten": "flatten",
    "Reshape": "reshape",
    "Dense": "dense",
    "Activation": "activation",
    "LeakyReLU": "leaky_re_lu",
    "ELU": "elu",
    "Dropout": "dropout",
}
Described = tuple[str, dict[str, Any], tuple[Floats, ...]]  # class, settings, weights


@targets.register
class Keras(Target):
    """Keras: a Sequential model with preprocessing inside, for `keras.saving.load_model`."""

    type: Literal["keras"] = "keras"
    title: ClassVar[str] = "Keras"
    name: ClassVar[str] = "model.keras"
    tools: ClassVar[Sequence[str]] = ("keras",)
    runs: ClassVar[str] = (
        "import importlib.util, os\n"
        "for backend in ('tensorflow', 'jax', 'torch'):\n"
        "    if importlib.util.find_spec(backend):\n"
        "        os.environ.setdefault('KERAS_BACKEND', backend)\n"
        "        break\n"
        "else:\n"
        "    raise SystemExit('it needs tensorflow, jax or torch, and none is installed')\n"
        "import keras\n"
        "y = keras.ops.convert_to_numpy(keras.saving.load_model(path)(x.copy()))"
    )

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        try:
            import h5py
        except ImportError:
            raise needed("keras", "h5py") from None
        layers, counts = [_input(network)], Counter[str]()
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.create_group("vars")
            for kind, settings, weights in _layers(network.steps):
                name = NUMBERED[kind] + (f"_{counts[kind]}" if counts[kind] else "")
                counts[kind] += 1
                layers.append(_layer(kind, {"name": name, **settings}))
                group = file.create_group(f"layers/{name}/vars")
                for index, array in enumerate(weights):
                    group[str(index)] = array
        config = {
            **_layer("Sequential", {"name": "sequential", "layers": layers}),
            "module": "keras",
        }
        metadata = {"keras_version": VERSION, ABOUT: network.about()}
        return {self.name: _zipped(metadata, config, buffer.getvalue())}


def _input(network: Network) -> dict[str, Any]:
    dtype = "uint8" if network.form else "float32"
    return _layer("InputLayer", {"batch_shape": [None, *network.shape], "dtype": dtype})


def _layer(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": settings,
        "registered_name": None,
    }


def _layers(steps: Sequence[Step]) -> Iterator[Described]:
    for step in steps:
        match step:
            case Scale():
                scale, offset = step.scale.tolist(), step.offset.tolist()
                yield "Rescaling", {"scale": scale, "offset": offset}, ()
            case Reshape(shape):
                yield ("Flatten", {}, ()) if len(shape) == 1 else (
                    "Reshape", {"target_shape": list(shape)}, ()
                )  # fmt: skip
            case Dense():
                settings = {"units": len(step.bias), "activation": "linear"}
                yield "Dense", settings, (step.kernel, step.bias)
            case Dropout():
                yield "Dropout", {"rate": step.rate}, ()
            case Activate():
                match spelled("keras", step).split():
                    case [kind, setting, value]:
                        yield kind, {setting: float(value)}, ()
                    case [name]:
                        yield "Activation", {"activation": name}, ()


def _zipped(metadata: dict[str, Any], config: dict[str, Any], weights: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return buffer.getvalue()

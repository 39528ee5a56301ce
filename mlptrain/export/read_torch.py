"""Reading a PyTorch state_dict of an nn.Sequential in a safetensors file.

It holds arrays only. The modules between them are in the metadata of files that `export` wrote; of
others, the user names the activation."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import safetensors.numpy

from mlptrain.export.network import Activate, Dense, Dropout, Floats, Reshape, Residual, Scale, Step
from mlptrain.export.source import Read, require_finite
from mlptrain.export.target import ABOUT
from mlptrain.paths import UnreadableError
from mlptrain.text import show_name
from mlptrain.training.header import MAX_HEADER_BYTES

Arrays = Mapping[str, Floats]


def read_torch(data: bytes, activation: str | None) -> Read:
    """The network in `data`; `activation` is that of the hidden layers, unless the file says.
    Raises UnreadableError; damage raises other errors."""
    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER_BYTES:
        raise UnreadableError(f"has a header of {header:,} bytes; {MAX_HEADER_BYTES:,} are allowed")
    metadata = json.loads(data[8 : 8 + header]).get("__metadata__", {})
    arrays = {
        name: require_finite(name, array.astype(np.float32))
        for name, array in safetensors.numpy.load(data).items()
    }
    if ABOUT in metadata:
        about = json.loads(metadata[ABOUT])
        steps = list(_steps(about["modules"], "", arrays))
        return Read(steps, tuple(about["shape"]), about)
    steps = list(_linear(arrays, activation))
    first = next(step for step in steps if isinstance(step, Dense))
    return Read(steps, (len(first.kernel),), None)


def _steps(described: Sequence[Any], before: str, arrays: Arrays) -> Iterator[Step]:
    """The inverse of `torch.modules`, with the arrays whose names begin with `before`."""
    for index, (kind, *settings) in enumerate(described):
        name = f"{before}{index}"
        match kind:
            case "residual":
                yield Residual(tuple(_steps(settings[0], f"{name}.inside.", arrays)))
            case "reshape":
                yield Reshape(tuple(settings[0]))
            case "dropout":
                yield Dropout(settings[0])
            case "activation":
                yield Activate(*settings)
            case "scale":
                yield Scale(arrays[f"{name}.scale"], arrays[f"{name}.offset"])
            case "dense":
                yield Dense(arrays[f"{name}.weight"].T, arrays[f"{name}.bias"])


def _linear(arrays: Arrays, activation: str | None) -> Iterator[Step]:
    """Linear layers in the order of the numbers in their names, such as 0.weight and 2.weight."""
    places = sorted({int(n.split(".")[0]) for n in arrays if n.split(".")[0].isdecimal()})
    names = {f"{place}.{part}" for place in places for part in ("weight", "bias")}
    others = sorted(arrays.keys() - names)
    if others or not places:
        raise UnreadableError(
            f"holds {show_name(others[0]) if others else 'no arrays'}. Read are state_dicts of an "
            "nn.Sequential of nn.Linear, with names such as 0.weight and 0.bias"
        )
    for place in places:
        weight = arrays.get(f"{place}.weight", np.zeros(0, np.float32))
        if weight.ndim != 2:
            raise UnreadableError(
                f"{place}.weight has the shape {weight.shape}; nn.Linear has two sides"
            )
        yield Dense(weight.T, arrays.get(f"{place}.bias", np.zeros(len(weight), np.float32)))
        if place != places[-1]:
            if activation is None:
                raise UnreadableError(
                    "does not say the activation of its hidden layers. Name it: --activation relu"
                )
            yield Activate(activation)

"""Reading a .keras file: a Sequential model of dense layers.

The file may be from anybody. Nothing in it is run, and nothing in it can ask for more memory than
its own size: members and arrays must be stored as they are, without compression, links or other
files."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from mlptrain.export.keras import NUMBERED
from mlptrain.export.network import Activate, Dense, Dropout, Floats, Reshape, Scale, Step
from mlptrain.export.source import Read, require_finite
from mlptrain.export.spellings import ACTIVATIONS
from mlptrain.export.target import ABOUT, needed
from mlptrain.paths import UnreadableError
from mlptrain.text import show_name

MAX_CONFIG_BYTES = 1 << 20
NAMES = {"swish": "silu", **{s.keras: name for name, s in ACTIVATIONS.items() if s.keras}}
_ONE_VALUE = {"trainable", "name", "dtype"}


def read_keras(file: IO[bytes], size: int) -> Read:
    """The model in `file`, of `size` bytes. Raises UnreadableError; damage raises other errors."""
    try:
        import h5py
    except ImportError:
        raise needed("keras", "h5py") from None
    with zipfile.ZipFile(file) as archive:
        about = json.loads(_member(archive, "metadata.json", min(size, MAX_CONFIG_BYTES)))
        config = json.loads(_member(archive, "config.json", min(size, MAX_CONFIG_BYTES)))
        weights = _member(archive, "model.weights.h5", size)
    if config["class_name"] != "Sequential":
        raise UnreadableError(
            f"holds a {show_name(config['class_name'])} model; only Sequential is read"
        )
    with h5py.File(io.BytesIO(weights), "r") as held:
        layers = config["config"]["layers"]
        shape, steps = _input(layers), list(_steps(layers, held, len(weights)))
    return Read(steps, shape, about.get(ABOUT))


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > most:
        raise UnreadableError(
            f"holds {name} compressed or of {member.file_size:,} bytes. Keras does not compress"
        )
    return archive.read(member)


def _input(layers: list[dict[str, Any]]) -> tuple[int, ...]:
    """The shape of an example."""
    first = layers[0]
    if first["class_name"] != "InputLayer":
        raise UnreadableError("has no InputLayer, so the shape of its inputs is unknown")
    shape = first["config"]["batch_shape"][1:]
    if not all(type(side) is int and side > 0 for side in shape):
        raise UnreadableError(f"takes inputs of the shape {shape}, some sides of which are open")
    return tuple(shape)


def _steps(layers: list[dict[str, Any]], held: Any, size: int) -> Iterator[Step]:
    counts: Counter[str] = Counter()
    for layer in layers[1:]:
        kind, settings = layer["class_name"], layer["config"]
        if kind not in NUMBERED:
            known = ", ".join(NUMBERED)
            raise UnreadableError(f"has a layer {show_name(kind)}, which is not read; {known} are")
        name = NUMBERED[kind] + (f"_{counts[kind]}" if counts[kind] else "")
        counts[kind] += 1
        match kind:
            case "Dense":
                kernel = _array(held, f"layers/{name}/vars/0", size)
                zeros = np.zeros(kernel.shape[-1:], np.float32)
                has_bias = settings.get("use_bias", True)
                yield Dense(
                    kernel, _array(held, f"layers/{name}/vars/1", size) if has_bias else zeros
                )
                yield from _activation(settings["activation"])
            case "Activation":
                yield from _activation(settings["activation"])
            case _:
                yield from _plain(kind, settings)


def _plain(kind: str, settings: Mapping[str, Any]) -> Iterator[Step]:
    """The step of a layer without weights."""
    match kind:
        case "Rescaling":
            scale, offset = (
                np.atleast_1d(np.array(settings[each], np.float32)) for each in ("scale", "offset")
            )
            scale, offset = np.broadcast_arrays(scale, offset)
            yield Scale(scale, offset)
        case "Flatten":
            yield Reshape((-1,))
        case "Reshape":
            yield Reshape(tuple(settings["target_shape"]))
        case "Dropout":
            yield Dropout(float(settings["rate"]))
        case "LeakyReLU":
            yield Activate("leaky_relu", {"negative_slope": float(settings["negative_slope"])})
        case "ELU":
            yield Activate("elu", {"alpha": float(settings["alpha"])})


def _activation(name: object) -> Iterator[Activate]:
    if name == "linear":
        return
    if name not in NAMES:
        raise UnreadableError(f"has the activation {show_name(str(name))}, which is not read")
    yield Activate(NAMES[str(name)])


def _array(held: Any, path: str, size: int) -> Floats:
    """The array at `path`. Every part of the path must be in this file, and the numbers, too."""
    import h5py

    place = held
    for part in path.split("/"):
        if not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise UnreadableError(f"lacks the array {path}")
        place = place[part]
    if not isinstance(place, h5py.Dataset) or place.dtype.kind != "f":
        raise UnreadableError(f"holds no floats as {path}")
    if place.external or place.is_virtual or place.chunks or place.nbytes > size:
        raise UnreadableError(
            f"holds {path} in another file, compressed, or of {place.nbytes:,} bytes"
        )
    return require_finite(path, np.asarray(place[()], np.float32))

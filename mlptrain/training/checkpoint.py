"""One file = one state: parameters, layers, optimizer, counters, config, targets, preprocessing.

The format is safetensors, so the safetensors library can read it. The header's metadata holds one
JSON document (`State`); the last tensor, `sha256`, is the digest of every byte before it. Nothing
in the format can name code.
"""

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
import safetensors
import safetensors.numpy
from pydantic import ConfigDict, Field, ValidationError

from mlptrain import files
from mlptrain.backend.call import Array
from mlptrain.backend.protocol import Backend, Kernels, MatmulPrecision
from mlptrain.config.schema import Config
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.names import distinct
from mlptrain.data.normalization import Normalization
from mlptrain.errors import ConfigError, ModelFileError
from mlptrain.nn.model import count_parameters, count_state
from mlptrain.paths import UnreadableError, read_file
from mlptrain.plugins import loaded_plugins
from mlptrain.registry import BRANCH, Definition
from mlptrain.tasks.task import TargetSpec
from mlptrain.text import show_name, show_path
from mlptrain.training.header import DOCUMENT, MAX_HEADER_BYTES, document, looks_like
from mlptrain.training.model_path import EXPECTED
from mlptrain.training.origin import Origin

FORMAT = 4
PARAMETERS, OPTIMIZER, STATE = "parameters", "optimizer", "state"  # groups of arrays
DIGEST = "sha256"
DIGEST_BYTES = 32
MAX_FILE_BYTES = 16 << 30
Count = Annotated[int, Field(ge=0, le=2**53)]


@pydantic.dataclasses.dataclass(config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Progress:
    """How far training has got. The loop updates it at every step.

    Attributes:
        epoch: whole epochs done.
        step: updates made.
        steps_before: updates that the optimizer's state had seen before the run.
        epoch_steps: updates made in the epoch under way.
        epoch_loss: sum of the losses of the examples seen in the epoch under way.
        epoch_correct: how many of them were predicted correctly.
        best_epoch: the epoch whose weights are kept; 0: none yet.
        best_value: the monitored value of that epoch.
        waited: epochs since the last that counted as an improvement.
        optimizer, schedule: numbers that the optimizer and its schedule keep.
    """

    epoch: Count = 0
    step: Count = 0
    steps_before: Count = 0
    epoch_steps: Count = 0
    epoch_loss: float = 0.0
    epoch_correct: Count = 0
    best_epoch: Count = 0
    best_value: float | None = None
    waited: Count = 0
    optimizer: dict[str, float] = field(default_factory=dict)
    schedule: dict[str, float] = field(default_factory=dict)


class State(Definition):
    """Everything in a checkpoint that is not an array."""

    config: Config
    targets: TargetSpec
    shape: tuple[Annotated[int, Field(ge=1)], ...]  # of each example's inputs
    features: tuple[str, ...] = ()  # the column names of the inputs, if any
    image: ImageSettings
    normalization: Normalization
    progress: Progress
    threads: Annotated[int, Field(ge=1)]
    kernels: Kernels = "numpy"
    matmul_precision: MatmulPrecision = "float32"
    plugins: dict[str, str] = Field(default_factory=dict)  # digests by file name
    init_from: Origin | None = None
    fingerprints: dict[str, str]  # of each split's examples
    environment: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        parameters: the model's arrays by their names in the arena.
        optimizer: the optimizer's flat vectors by name.
        layer_state: the arrays of the model's state by their names in the arena.
    """

    path: Path
    state: State
    parameters: dict[str, Array]
    optimizer: dict[str, Array]
    layer_state: dict[str, Array]


def save(
    path: Path,
    state: State,
    parameters: dict[str, Array],
    optimizer: dict[str, Array],
    layer_state: dict[str, Array],
) -> None:
    """Write a checkpoint under `path`. Raises FileSystemError and then leaves the old file as it
    was; raises ModelFileError if its header would be too large."""
    files.write_whole(path, encoded(state, parameters, optimizer, layer_state))


def encoded(
    state: State,
    parameters: dict[str, Array],
    optimizer: dict[str, Array],
    layer_state: dict[str, Array],
) -> bytes:
    """The bytes of a checkpoint. The same state gives the same bytes. Raises ModelFileError if the
    header would be too large."""
    content = {"format": FORMAT, **state.model_dump(mode="json")}
    arrays = {f"{PARAMETERS}/{name}": array for name, array in parameters.items()}
    arrays |= {f"{OPTIMIZER}/{name}": array for name, array in optimizer.items()}
    arrays |= {f"{STATE}/{name}": array for name, array in layer_state.items()}
    arrays[DIGEST] = np.zeros(DIGEST_BYTES, np.uint8)  # the smallest dtype is laid out last
    metadata = {DOCUMENT: json.dumps(content, allow_nan=False)}
    data = safetensors.numpy.save(arrays, metadata)
    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER_BYTES:
        raise ModelFileError(
            f"a checkpoint would have a header of {header:,} bytes; at most "
            f"{MAX_HEADER_BYTES:,} are allowed. Use fewer or shorter names."
        )
    undigested = memoryview(data)[:-DIGEST_BYTES]
    return b"".join((undigested, hashlib.sha256(undigested).digest()))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ModelFileError if it is missing, corrupt in any byte, not an
    mlptrain checkpoint, or written by a newer version."""
    data = _read(path)
    if hashlib.sha256(memoryview(data)[:-DIGEST_BYTES]).digest() != data[-DIGEST_BYTES:]:
        raise ModelFileError(
            f"{show_path(path)}: is damaged, was changed, or is no mlptrain checkpoint: its digest "
            "does not match its content. Use another checkpoint of the run, or train again."
        )
    try:
        arrays = safetensors.numpy.load(data)
        state = _state(path, data)
        head = state.config.task.head(state.shape, state.targets.names)
        hidden, inputs = state.config.model.hidden(), math.prod(state.shape)
        promised = {
            PARAMETERS: count_parameters(hidden, inputs, head.units),
            STATE: count_state(hidden, inputs, head.units),
        }
    except (safetensors.SafetensorError, UnreadableError, ValidationError, ValueError, LookupError,
            ConfigError, TypeError, AttributeError, RecursionError) as error:  # fmt: skip
        raise ModelFileError(
            f"{show_path(path)}: is no mlptrain checkpoint: {_reason(error)}. {EXPECTED}"
        ) from error
    groups = _grouped(path, arrays)
    for group, what in ((PARAMETERS, "parameters"), (STATE, "layers' state arrays")):
        found = sum(array.size for array in groups[group].values())
        if found != promised[group]:  # checked before a model of that size is allocated
            raise ModelFileError(
                f"{show_path(path)}: its {what} do not fit its own config: {found:,} numbers "
                f"instead of {promised[group]:,}."
            )
    return Checkpoint(path, state, groups[PARAMETERS], groups[OPTIMIZER], groups[STATE])


def _state(path: Path, data: bytes) -> State:
    """The JSON document in the header of a file. A malformed one raises many kinds of error."""
    content = document(data[8 : 8 + int.from_bytes(data[:8], "little")])
    version = content.pop("format")
    if version != FORMAT:
        raise ModelFileError(
            f"{show_path(path)}: has format {version!r}, this version reads format {FORMAT}. "
            "Use the version of mlptrain that wrote it."
        )
    _require_plugins(path, content.get("plugins", {}))
    # not strict, so that JSON's lists become tuples; pydantic's own JSON parser would refuse
    # names that are not UTF-8
    json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogateescape")  # no lone surrogates
    state = State.model_validate(content, strict=False)
    try:
        distinct(state.targets.names)
    except ValueError as error:
        raise ModelFileError(f"{show_path(path)}: {error}. Train the model again.") from None
    if not state.config.task.fits(state.targets, images=state.normalization.unit == 255):
        raise UnreadableError("its task and its targets or inputs differ")
    mean, std = state.normalization.mean, state.normalization.std
    if state.normalization.unit == 255:
        if state.image.mode is None or state.image.height is None:
            raise UnreadableError("its image has no mode or no size")
        if state.shape != state.image.shape:
            raise UnreadableError("its shape and its image differ")
    if not len(mean) == len(std) in (1, state.shape[-1], math.prod(state.shape)):
        raise UnreadableError("its normalization and its shape differ in their channels")
    held_out = (each for each in ("validation", "test") if getattr(state.config.data, each))
    if state.fingerprints.keys() != {"train", *held_out}:
        raise UnreadableError("its config and its fingerprints differ in their splits")
    return state


def _require_plugins(path: Path, names: Iterable[str]) -> None:
    """Raise ModelFileError if any of these plug-ins is not loaded."""
    missing = [name for name in names if name not in loaded_plugins()]
    if missing:
        name = show_name(missing[0])
        raise ModelFileError(
            f"{show_path(path)}: was trained with the plug-in {name}, and reading a model runs no "
            f"code. Name the file: --plugin {name}"
        )


def _reason(error: Exception) -> str:
    """`error` as a reason, for a file with the right digest but invalid content."""
    match error:
        case UnreadableError():
            return str(error)
        case ValidationError():
            first = error.errors(include_url=False)[0]
            parts = [str(part) for part in first["loc"]]
            key = ".".join(part for part in parts if not part.startswith(BRANCH))
            if first["type"] == "missing":
                return f"its header lacks the key {key}"
            return f"its header has a wrong {key}: {reprlib.repr(first['input'])}"
        case UnicodeEncodeError():
            return "its header holds half a character"
        case safetensors.SafetensorError():
            return "its header does not fit its arrays"
    return "its header does not describe a model"


def _grouped(path: Path, arrays: dict[str, Array]) -> dict[str, dict[str, Array]]:
    """The arrays of each group, by their names within it."""
    groups: dict[str, dict[str, Array]] = {PARAMETERS: {}, OPTIMIZER: {}, STATE: {}}
    for name, array in arrays.items():
        group, _, rest = name.partition("/")
        if name == DIGEST:
            continue
        if group not in groups or not np.isfinite(array).all():
            raise ModelFileError(
                f"{show_path(path)}: array {name!r} is unknown or holds NaN or Inf."
            )
        groups[group][rest] = array
    return groups


def fill(
    path: Path, kind: str, targets: dict[str, Array], saved: dict[str, Array], backend: Backend
) -> None:
    """Copy the arrays `saved`, read from the checkpoint `path`, into `targets`, by name.

    Raises ModelFileError if names, shapes or dtypes differ."""

    def described(arrays: dict[str, Array]) -> dict[str, Any]:
        return {name: (array.shape, array.dtype.str) for name, array in sorted(arrays.items())}

    if described(targets) != described(saved):
        raise ModelFileError(
            f"{show_path(path)}: its {kind} do not fit its own config: "
            f"{described(saved)} instead of {described(targets)}."
        )
    for name, target in targets.items():
        target[...] = backend.put(saved[name])


def _read(path: Path) -> bytes:
    try:
        data = read_file(os.fspath(path), MAX_FILE_BYTES)
        header = int.from_bytes(data[:8], "little")
        if header > MAX_HEADER_BYTES or 8 + header + DIGEST_BYTES > len(data):
            raise UnreadableError(looks_like(data))
    except UnreadableError as error:
        raise ModelFileError(f"{show_path(path)}: {error}. {EXPECTED}") from None
    except MemoryError:
        raise ModelFileError(f"{show_path(path)}: does not fit into memory.") from None
    return data

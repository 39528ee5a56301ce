"""Models in other tools' files, read into a run folder."""

import os
from pathlib import Path

from mlptrain import files
from mlptrain.errors import DataError, MlptrainError, ModelFileError, RunFolderError, UsageError
from mlptrain.export.read_keras import read_keras
from mlptrain.export.read_sklearn import read_sklearn
from mlptrain.export.read_torch import read_torch
from mlptrain.export.rebuilding import rebuilt
from mlptrain.export.source import Read
from mlptrain.export.weights import Weights
from mlptrain.functions.activations import activations
from mlptrain.paths import UnreadableError, opened
from mlptrain.tasks.task import tasks
from mlptrain.text import show_name, show_path
from mlptrain.training.checkpoint import MAX_FILE_BYTES
from mlptrain.training.run_folder import BEST
from mlptrain.training.trained_model import TrainedModel

FILES = {
    ".keras": "a Keras model",
    ".npz": "attributes of scikit-learn's networks",
    ".safetensors": "a PyTorch state_dict",
}


def import_model(path: Path, run: Path, task: str | None, activation: str | None) -> TrainedModel:
    """Read the network in `path` into the new run folder `run`. `task` and `activation` (of the
    hidden layers) say what the file does not.

    Raises ModelFileError, RunFolderError if there is something of that name already, and
    UsageError."""
    for option, value, known in ("task", task, tasks), ("activation", activation, activations):
        if value is not None and value not in known:
            raise UsageError(f"--{option} {show_name(value)}: is unknown. Use {', '.join(known)}.")
    model = read_model(path, task, activation)
    ((_, data),) = Weights().files(model).items()
    if not files.make_folder(run):
        raise RunFolderError(f"{show_path(run)}: exists already. Name a new folder with --to.")
    files.write_whole(run / BEST, data)
    return model


def read_model(path: Path, task: str | None, activation: str | None) -> TrainedModel:
    """The model in `path`. Raises ModelFileError for a file that is damaged, of another kind, or
    says what a model of mlptrain cannot be."""
    if path.suffix not in FILES:
        known = ", ".join(f"{suffix} ({what})" for suffix, what in FILES.items())
        raise ModelFileError(f"{show_path(path)}: is none of the files that can be read: {known}.")
    try:
        return rebuilt(_read(path, activation), task)
    except UnreadableError as error:
        raise ModelFileError(f"{show_path(path)}: {error}.") from None
    except DataError as error:
        raise ModelFileError(str(error)) from None
    except (MlptrainError, MemoryError):
        raise
    except Exception:  # zipfile, json, h5py, safetensors and pydantic raise many kinds of error
        raise ModelFileError(
            f"{show_path(path)}: is damaged, or is not {FILES[path.suffix]} as its own tool writes "
            "it. Write it again."
        ) from None


def _read(path: Path, activation: str | None) -> Read:
    if path.suffix == ".npz":
        return read_sklearn(os.fspath(path))
    with opened(os.fspath(path)) as (file, size):
        if size > MAX_FILE_BYTES:
            raise UnreadableError(f"has {size:,} bytes; {MAX_FILE_BYTES:,} are allowed")
        if path.suffix == ".keras":
            return read_keras(file, size)
        return read_torch(file.read(), activation)

"""Writing an export, and checking it."""

import os
from pathlib import Path

from mlptrain import files
from mlptrain.errors import FileSystemError, ModelFileError, UsageError
from mlptrain.export import (  # noqa: F401  (they register themselves)
    browser,
    keras,
    numpy,
    onnx,
    sklearn,
    torch,
    weights,
)
from mlptrain.export.comparison import Comparison, compare
from mlptrain.export.target import Target, targets
from mlptrain.paths import is_folder, reported
from mlptrain.text import show_name, show_path
from mlptrain.training.trained_model import TrainedModel

TOLERANCE = 1e-3  # of the largest prediction; rounding in float32 stays far below


def target_named(name: str) -> Target:
    """The target of this `name`. Raises UsageError."""
    if name not in targets:
        raise UsageError(f"--to {show_name(name)}: is unknown. Use {', '.join(targets)}.")
    return targets[name].model_validate({})


def export(model: TrainedModel, target: Target, output: Path | None) -> tuple[Path, Comparison]:
    """Write `model` for `target` to `output`, by default beside its checkpoint, and compare the
    predictions. Returns the path of the file or folder.

    Raises UsageError if the target lacks something or a file is there already, and ModelFileError,
    leaving no file, if the export predicts something else."""
    path = _place(model, target, output)
    folder = path if target.is_folder else path.parent
    content = {
        folder / (name if target.is_folder else path.name): data
        for name, data in target.files(model).items()
    }
    for each in content:
        if os.path.lexists(each):
            raise UsageError(
                f"{show_path(each)}: is there already, and nothing is overwritten. Remove it, or "
                "name another place with --output."
            )
    files.make_folder(folder)
    for each, data in content.items():
        files.write_whole(each, data)
    found = compare(target, path, model)
    if found.largest is not None and not found.largest <= TOLERANCE * max(1, found.size):
        for each in content:
            files.remove(each)
        raise ModelFileError(
            f"{show_path(path)}: {target.tools[0]} predicted something else, differing by up to "
            f"{found.largest:.2g}. The export was removed. Try another version of "
            f"{target.tools[0]}, or another target."
        )
    return path, found


def _place(model: TrainedModel, target: Target, output: Path | None) -> Path:
    """The path of the file or folder to write."""
    if output is None:
        assert model.path is not None
        return model.path.parent / target.name
    suffix = Path(target.name).suffix
    with reported(output, FileSystemError):
        if target.is_folder:
            return output
        if is_folder(output):
            return output / target.name
    if output.suffix != suffix:
        raise UsageError(
            f"--output {show_path(output)}: {target.title} is written to a {suffix} file. Name "
            "one, or a folder that is there."
        )
    return output

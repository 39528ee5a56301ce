"""Where the examples are in what the user names, a folder or a file, and which splits there are."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from mlptrain.data.sources.folder import split_of
from mlptrain.data.sources.idx import Idx
from mlptrain.data.sources.listing import entries_of, names_below
from mlptrain.data.sources.manifest import FILE
from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.table_file import TableFile
from mlptrain.errors import DataError
from mlptrain.paths import entry_is_folder, is_file, is_folder, reported
from mlptrain.text import show_name, show_path
from mlptrain.training.datasets import SPLITS

Entry = str | dict[str, Any]  # a source as a config names it

_TARGETS_OF = {  # words in the names of files of inputs, and of files of their targets
    "x": ("y",),
    "images": ("labels",),
    "inputs": ("targets",),
    "features": ("labels", "targets", "target"),
    "data": ("labels", "targets", "target"),
}
_MOST_SHOWN = 5


def find_splits(path: str) -> dict[str, Entry]:
    """The sources in `path` by split, that of `train` first. Raises DataError."""
    path = str(Path.cwd() / path) if path.startswith("~") else path  # which is a home in a config
    with reported(Path(path), DataError):
        if is_folder(path):
            return _in_folder(path)
        if not is_file(path):
            raise DataError(f"{show_path(path)}: does not exist. Name a folder or a file.")
    folder, name = os.path.split(path)
    names = _files_in(folder)
    entry = _entry(folder, name, names)
    if _split_of_file(name) != "train" or entry is None:
        return _with_splits_inside(path if entry is None else entry)
    like = [each for each in names if _without_split(each) == _without_split(name)]
    return _of_files(folder, like, names)


def _in_folder(path: str) -> dict[str, Entry]:
    names = _files_in(path)
    if manifests := [name for name in names if _is_manifest(str(Path(path) / name))]:
        return _of_files(path, manifests, names)
    folders = [entry.name for entry in entries_of(path, []) if entry_is_folder(entry)]
    holding = [name for name in folders if names_below(str(Path(path) / name), [])]
    splits = {split: name for name in reversed(holding) if (split := split_of(name))}
    train = splits.get("train")
    if train and all(map(split_of, holding)) and _holds_folders(path, train):
        return {each: str(Path(path) / splits[each]) for each in SPLITS if each in splits}
    examples = [name for name in names if _entry(path, name, names)]
    if len(holding) == 1 and not examples and _holds_folders(path, holding[0]):
        return _in_folder(str(Path(path) / holding[0]))
    return {"train": path} if holding or not examples else _of_files(path, examples, names)


def _holds_folders(path: str, name: str) -> bool:
    return any(map(entry_is_folder, entries_of(str(Path(path) / name), [])))


def _files_in(folder: str) -> list[str]:
    entries = entries_of(folder or ".", [])
    return [entry.name for entry in entries if not entry_is_folder(entry)]


def _entry(folder: str, name: str, beside: Sequence[str]) -> Entry | None:
    """The file `name` in `folder` as a source; None if it holds no inputs. `beside`: all files
    there."""
    path, suffix = str(Path(folder) / name), PurePath(name).suffix.lower()
    if Idx.keys_of(name) or suffix == ".npz":
        return path
    if suffix == ".csv":
        return path if _is_manifest(path) else {"type": "table", "path": path}
    if suffix == ".npy" and (targets := _targets_of(name, beside)):
        return {"inputs": path, "targets": str(Path(folder) / targets)}
    return None


def _is_manifest(path: str) -> bool:
    """Whether `path` is a table of image files. One that cannot be read is none."""
    try:
        return path.lower().endswith(".csv") and FILE in TableFile(path).header
    except DataError:
        return False


def _targets_of(name: str, beside: Sequence[str]) -> str | None:
    """The file among those `beside` that holds the targets for the inputs in the .npy `name`."""
    for word, others in _TARGETS_OF.items():
        found = re.compile(rf"(?<![a-z]){word}(?![a-z])", re.IGNORECASE)
        names = [found.sub(other, name, count=1) for other in others if found.search(name)]
        if known := [each for each in names if each in beside]:
            return known[0]
    return None


def _split_of_file(name: str) -> str | None:
    """The split that the name of a file stands for: train-images…, t10k-images…, test.csv."""
    return split_of(name.lower().replace("t10k", "test"))


def _without_split(name: str) -> str:
    """`name` without the words for a split."""
    words = re.split("([^A-Za-z0-9]+)", name)
    return "".join(word for word in words if not _split_of_file(word))


def _of_files(folder: str, names: Sequence[str], beside: Sequence[str]) -> dict[str, Entry]:
    """The splits in the files `names` of `folder`, all of them files of examples. Raises DataError
    unless they are one of each split, or a single one."""
    by_split: dict[str | None, list[str]] = {}
    for name in names:
        by_split.setdefault(_split_of_file(name), []).append(name)
    if len(names) > 1 and ("train" not in by_split or max(map(len, by_split.values())) > 1):
        shown = ", ".join(map(show_name, names[:_MOST_SHOWN]))
        more = f" … and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        raise DataError(
            f"{show_path(folder)}: holds several files of examples: {shown}{more}. Name one."
        )
    if len(names) == 1:
        return _with_splits_inside(_entry(folder, names[0], beside) or names[0])
    found = {each: _entry(folder, by_split[each][0], beside) for each in SPLITS if each in by_split}
    return {split: entry for split, entry in found.items() if entry is not None}


def _with_splits_inside(entry: Entry) -> dict[str, Entry]:
    """The splits in one file: an .npz may hold several."""
    if not isinstance(entry, str) or not entry.lower().endswith(".npz"):
        return {"train": entry}
    file = Npz(path=entry)
    return {each: entry for each in SPLITS if each == "train" or file.of_split(each) != file}

"""A config for data that has none yet, with the facts about the data in its comments."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mlptrain.config.draft import drafted
from mlptrain.data.images.masks import read_mask
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.sources.source import Arrays, Files
from mlptrain.data.targets import IGNORED, MaskFiles
from mlptrain.errors import DataError, UsageError
from mlptrain.paths import UnreadableError
from mlptrain.survey.facts import Looks, median, sample
from mlptrain.survey.inventory import Inventory
from mlptrain.survey.layout import Entry
from mlptrain.survey.recipe import recipe_for
from mlptrain.survey.sentences import facts_of, words_for
from mlptrain.text import exact, show_name, show_path
from mlptrain.training.datasets import SPLITS

SCHEMA = "mlptrain.schema.json"  # beside the config

_PATHS = ("path", "inputs", "targets")  # keys of a source
_LARGEST_SIDE = 64  # of images made smaller: 64×64 RGB is 12,288 inputs
_TEST, _VALIDATION, _LARGER_VALIDATION = 0.2, 0.1, 0.2
_FEW = 1_000  # training examples, of which the larger part validates


def draft(found: Inventory, config: Path) -> str:
    """The text of a config file at `config` for the data `found`. Raises DataError if it cannot be
    trained on, and UsageError if a config cannot name it."""
    data, comments = _data(found, config)
    image = _image(found)
    if image:
        data["image"] = image
    examples = len(found.train.rows)
    for fraction in (data["test"], data["validation"]):
        examples -= round(examples * fraction) if isinstance(fraction, float) else 0
    model, training = recipe_for(
        found.task.type, examples, validated=data["validation"] is not None
    )
    comments["task"] = _why(found)
    task = found.guess.task
    if found.task.type == "segmentation":
        values = _mask_values(found, image)
        comments["task"] += f"; values in masks: {', '.join(map(str, sorted(values)))}"
        task = _without_ignored(task) if IGNORED in values else task
    keys = {"task": task, "data": data, "model": model, "training": training}
    comments[""] = (
        f"yaml-language-server: $schema={SCHEMA}\n"
        f"Train with: mlptrain train {show_path(config)}\n"
        "Keys that are not here have defaults; --print-config shows them all."
    )
    comments["model"] = f"for {words_for(found.train).count(examples)} to train on"
    return drafted(keys, comments)


def _data(found: Inventory, config: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The section `data`, and comments on its keys."""
    folder = Path(os.path.realpath(config.parent))
    data: dict[str, Any] = {
        split: _written(entry, folder) for split, entry in found.entries.items()
    }
    comments = {"data.train": "\n".join(facts_of(found))}
    for split in found.entries.keys() - {"train"}:
        lists = found.lists[split]
        comments[f"data.{split}"] = words_for(lists).count(len(lists.rows))
    least, examples = int(found.different().min()), len(found.train.rows)
    for split, needed, fraction in (
        ("test", 3, _TEST),
        ("validation", 2, _LARGER_VALIDATION if examples < _FEW else _VALIDATION),
    ):
        if split not in data:
            data[split] = fraction if least >= needed else None
            why = "of the training examples" if least >= needed else _too_few(found)
            comments[f"data.{split}"] = f"{why}{_unusable(found, split)}"
    return {split: data[split] for split in SPLITS}, comments


def _too_few(found: Inventory) -> str:
    """Why no split can be drawn from the training examples."""
    sizes, (_, names) = found.different(), found.train.targets.strata()
    which = f"class {show_name(names[sizes.argmin()])}" if names else "the training data"
    return f"none, because {which} has too few different examples: {sizes.min()}"


def _unusable(found: Inventory, split: str) -> str:
    reason = found.unusable.get(split)
    return "" if reason is None else f"; the {split} split that is there cannot be used: {reason}"


def _written(entry: Entry, folder: Path) -> Entry:
    """`entry` with paths as a config in `folder` names them."""
    if isinstance(entry, str):
        return _path(entry, folder)
    return {key: _path(each, folder) if key in _PATHS else each for key, each in entry.items()}


def _path(entry: str, folder: Path) -> str:
    """The path `entry` as seen from `folder`; an absolute one stays. Raises UsageError for a name
    that YAML cannot hold."""
    if exact(entry) != entry:
        raise UsageError(f"{show_path(entry)}: is not UTF-8, and a config must be. Rename it.")
    if entry.startswith("/"):
        return entry
    parent, name = os.path.split(entry.rstrip("/"))
    path = os.path.relpath(Path(os.path.realpath(parent)) / name, folder)
    return str(folder / path) if path.startswith("~") else path  # which is a home in a config


def _image(found: Inventory) -> dict[str, Any]:
    """The section `data.image`: what image files become, or a smaller size for large arrays."""
    content, looks = found.train.content, found.looks
    if isinstance(content, Files):
        assert looks is not None
        return _of_looks(looks)
    height, width = content.inputs.shape[1:3] if content.inputs.dtype == np.uint8 else (0, 0)
    if found.task.type == "segmentation" or max(height, width) <= _LARGEST_SIDE:
        return {}
    width, height = _shrunk(width, height)
    return {"height": height, "width": width}


def _of_looks(looks: Looks) -> dict[str, Any]:
    if not looks.sizes:
        path, reason = looks.bad[0]
        raise DataError(
            f"{show_path(path)}: {reason}. So it is with all {looks.sampled:,} files looked at."
        )
    width, height = _shrunk(*median(looks.sizes))
    settings: dict[str, Any] = {
        "mode": "rgb" if "RGB" in looks.modes else "grayscale",
        "height": height,
        "width": width,
    }
    usual = ImageSettings().formats
    if more := sorted(looks.formats - set(usual)):
        settings["formats"] = [*usual, *more]
    return settings


def _shrunk(width: int, height: int) -> tuple[int, int]:
    """The same proportions, with no side above `_LARGEST_SIDE`."""
    scale = min(1, _LARGEST_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _why(found: Inventory) -> str:
    """Why this task, and which others there are."""
    others = f"; init --task takes {' or '.join(found.others)}, too" if found.others else ""
    return f"{found.guess.why}{others}"


def _without_ignored(task: str | dict[str, Any]) -> dict[str, Any]:
    """`task` without the pixels that masks, by convention, mark as ignored."""
    return {**({"type": task} if isinstance(task, str) else task), "ignore_index": IGNORED}


def _mask_values(found: Inventory, image: dict[str, Any]) -> set[int]:
    """The values in masks; in files, in a sample of them."""
    targets, content = found.train.targets, found.train.content
    if isinstance(content, Arrays) or not isinstance(targets, MaskFiles):
        return set(np.unique(targets.values).tolist())
    form, values = ImageSettings(**image).form, set[int]()
    for mask, path in zip(sample(targets.values.tolist()), sample(content.paths()), strict=True):
        try:
            values |= set(np.unique(read_mask(mask, path, form, 0)).tolist())
        except UnreadableError:
            continue  # reported with all others when it is trained on
    return values

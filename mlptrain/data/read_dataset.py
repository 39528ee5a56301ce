"""From a data source to a `Dataset`: every image decoded, every label a class.

Classes are matched by name. The training set decides which there are and in which order: its names
sorted bytewise, or the order of the numbers where labels are numbers. Every other split must have
exactly the same ones; images to evaluate may lack some.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.class_names import distinct, refuse_misspelt
from mlptrain.data.copies import copies_within
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import digests_of
from mlptrain.data.images.arrays import fit_array, resolve
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.cache import load_cached
from mlptrain.data.loading.stream import BadImage, Loaded, Progress, load_images
from mlptrain.data.sources.leftovers import ignored_note
from mlptrain.data.sources.source import Files, Pixels, Source
from mlptrain.errors import DataError
from mlptrain.text import exact, show_name, show_path

_MOST_SHOWN = 50
_MOST_CLASSES = 100_000


def read(
    source: Source,
    settings: ImageSettings,
    *,
    class_names: tuple[str, ...] | None = None,
    label_names: tuple[str, ...] | None = None,
    partial: bool = False,
    only: Collection[str] | None = None,
    expected: Expected | None = None,
    on_bad_image: Literal["error", "skip"] = "error",
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, ImageSettings]:
    """Read all of `source`, or `only` the images with these `exact` names; also returns `settings`
    with nothing left open.

    `class_names` are those of the training set, in their order; None if this is the training set.
    `partial`: whether some of them may be missing here. `label_names[i]` is the name of the class
    whose label is the number i, its digits without. `expected`: what the training images had in
    common; how many images differ is noted. An image that cannot be read is an error that names all
    of them, or skipped. Decoded images are kept in the folder `cache`, or with None in memory.
    Raises DataError."""
    content, place = source.content(), source.place
    labels, found = _numbered(content, label_names, place)
    rows, left_out = _wanted(content, only)
    labels = labels[rows]
    if class_names is None:
        if label_names is not None and isinstance(content.labels, tuple):
            raise DataError(
                f"{show_path(place)}: its labels are names already, but data.class_names is "
                "set, which is for numbers. Remove it."
            )
        _check_training_classes(labels, found, place)
        class_names = found
    else:
        labels = _matched(labels, found, class_names, place, partial=partial)
    if isinstance(content, Pixels):
        dataset, settings = _of_array(content, rows, labels, class_names, settings, expected, place)
        lines: tuple[int, ...] = ()
    else:
        content = content if only is None else content.take(rows.tolist())
        loaded, settings, notes = _loaded(
            content, settings, expected, place, on_bad_image, cache, progress
        )
        indices = loaded.indices.tolist()
        lines = tuple(map(content.lines.__getitem__, indices)) if content.lines else ()
        dataset = Dataset(
            loaded.images,
            np.arange(len(indices)),
            digests_of(loaded.images),
            labels[loaded.indices],
            class_names,
            tuple(map(content.names.__getitem__, indices)),
            content.root,
            skipped=tuple(loaded.bad.values()),
            notes=notes,
        )
    if not partial:
        _check_none_is_empty(dataset.labels, class_names, place)
    notes = (*dataset.notes, *copies_within(dataset, place, lines))
    return replace(dataset, left_out=left_out, notes=notes), settings


def _of_array(
    content: Pixels,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    settings: ImageSettings,
    expected: Expected | None,
    place: str,
) -> tuple[Dataset, ImageSettings]:
    """The images at `rows` of an array, with their labels (n,)."""
    _, height, width, channels = content.images.shape
    images, settings = fit_array(content.images, settings)
    names = tuple(map(content.names.__getitem__, rows.tolist()))
    array = (os.path.join(content.root, content.file or content.name), content.name)
    digests = digests_of(images, rows)
    notes: tuple[str, ...] = ()
    if expected and not expected.allows("L" if channels == 1 else "RGB", (width, height)):
        note = expected.tell_of_unlike(len(rows), len(rows), settings.resize)
        notes = (f"{show_path(place)}: {note}",)
    dataset = Dataset(
        images, rows, digests, labels, class_names, names, content.root, array, notes=notes
    )
    return dataset, settings


def _loaded(
    content: Files,
    settings: ImageSettings,
    expected: Expected | None,
    place: str,
    on_bad_image: Literal["error", "skip"],
    cache: Path | None,
    progress: Progress | None,
) -> tuple[Loaded, ImageSettings, tuple[str, ...]]:
    """The decoded files, `settings` with nothing left open, and what the user should know."""
    paths = content.paths()
    notes = [ignored_note(content.root, content.ignored)] if content.ignored else []
    settings, common = resolve(settings, paths)
    expected = common or expected
    if cache is None or not paths:
        loaded = load_images(paths, settings, expected, progress=progress)
    else:
        loaded, failed = load_cached(content, paths, settings, expected, cache, progress)
        notes += [failed] if failed else []
    bad = tuple(loaded.bad.values())
    if bad and on_bad_image == "error":
        raise _bad_images(bad, len(paths), place)
    if expected and loaded.unlike:
        total = len(loaded.indices)
        note = expected.tell_of_unlike(len(loaded.unlike), total, settings.resize)
        notes.append(f"{show_path(place)}: {note}")
    return loaded, settings, tuple(notes)


def _wanted(
    content: Files | Pixels, only: Collection[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The indices of the examples whose names are among `only`, with None of all, and the names of
    the others."""
    if only is None:
        return np.arange(len(content.labels)), ()
    wanted = np.array([exact(name) in only for name in content.names], bool)
    others = np.flatnonzero(~wanted)
    return np.flatnonzero(wanted), tuple(map(content.names.__getitem__, others.tolist()))


def _numbered(
    content: Files | Pixels, label_names: tuple[str, ...] | None, place: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The labels (n,) as indices, and the names they point at."""
    if isinstance(content.labels, tuple):
        try:
            names = distinct(tuple(dict.fromkeys(content.labels)))
        except ValueError as error:
            raise DataError(f"{show_path(place)}: {error}.") from None
        names = tuple(sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape")))
        index = {name: i for i, name in enumerate(names)}
        return np.array([index[label] for label in content.labels], np.int64), names
    if label_names is None:
        numbers, labels = np.unique(content.labels, return_inverse=True)
        if len(numbers) > _MOST_CLASSES:
            raise DataError(
                f"{show_path(place)}: has {len(numbers):,} different labels, which is too many to "
                f"be classes. At most {_MOST_CLASSES:,} are allowed."
            )
        return labels.astype(np.int64), tuple(map(str, numbers.tolist()))
    labels = content.labels
    highest = int(labels.max())
    if highest >= len(label_names):
        raise DataError(
            f"{show_path(place)}: has the label {highest}, but "
            f"data.class_names has {len(label_names)} names, for the labels 0 to "
            f"{len(label_names) - 1}. Name all classes, or correct the labels."
        )
    return labels, label_names


def _check_training_classes(labels: NDArray[np.int64], names: tuple[str, ...], place: str) -> None:
    if len(names) < 2:
        raise DataError(
            f"{show_path(place)}: has only one class, '{show_name(names[0])}'. At least two are "
            "needed to tell apart."
        )
    _check_none_is_empty(labels, names, place)


def _check_none_is_empty(labels: NDArray[np.int64], names: tuple[str, ...], place: str) -> None:
    empty = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
    if len(empty):
        raise DataError(
            f"{show_path(place)}: {_listed([names[i] for i in empty])} without a single readable "
            f"image. Each of the {len(names)} classes needs at least one."
        )


def _matched(
    labels: NDArray[np.int64],
    found: tuple[str, ...],
    class_names: tuple[str, ...],
    place: str,
    *,
    partial: bool,
) -> NDArray[np.int64]:
    """`labels`, indices into `found`, as indices into `class_names`. Raises DataError if `found`,
    as far as it is used, holds other names, or unless `partial` lacks some."""
    used = [found[index] for index in np.unique(labels)]
    try:
        refuse_misspelt(used, class_names)
    except ValueError as error:
        raise DataError(
            f"{show_path(place)}: {error}. Classes are named as in the training set."
        ) from None
    missing = [name for name in class_names if not partial and name not in set(used)]
    extra = [name for name in used if name not in set(class_names)]
    problems = [f"{_listed(missing)} of the training set missing"] if missing else []
    problems += [f"{_listed(extra)} unknown to the training set"] if extra else []
    if problems:
        raise DataError(
            f"{show_path(place)}: {' and '.join(problems)}. Its classes must be those of the "
            f"training set: {_names(class_names)}."
        )
    place_of = {name: index for index, name in enumerate(class_names)}
    return np.array([place_of.get(name, -1) for name in found], np.int64)[labels]


def _bad_images(bad: tuple[BadImage, ...], total: int, place: str) -> DataError:
    unlike = all("; set data.image." in image.reason for image in bad)  # not damaged at all
    most = 3 if unlike else _MOST_SHOWN
    lines = [f"  {show_path(image.path)}: {image.reason}" for image in bad[:most]]
    if len(bad) > most:
        lines.append(f"  … and {len(bad) - most:,} more")
    remedy = (
        "Set data.image.height and width, and data.image.mode, to what all are to become."
        if unlike
        else "Repair or remove them, or set data.on_bad_image to skip."
    )
    return DataError(
        f"{show_path(place)}: {len(bad):,} of {total:,} images cannot be used:\n"
        + "\n".join(lines)
        + f"\n{remedy}"
    )


def _listed(names: Sequence[str]) -> str:
    return f"class{'es' if len(names) > 1 else ''} {_names(names)}"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{show_name(name)}'" for name in names[:_MOST_SHOWN])
    return shown if len(names) <= _MOST_SHOWN else f"{shown} … and {len(names) - _MOST_SHOWN} more"

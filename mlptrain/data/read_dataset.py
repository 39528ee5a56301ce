"""From a data source to a `Dataset`: every image decoded, every target read for its task."""

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.data.copies import copies_within
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import digests_of
from mlptrain.data.images.arrays import fit_array, form_of, resolve
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.cache import load_cached
from mlptrain.data.loading.stream import BadImage, Loaded, Progress, load_images
from mlptrain.data.sources.leftovers import ignored_note
from mlptrain.data.sources.source import Arrays, Content, Files, Source
from mlptrain.data.sources.table_file import number_in
from mlptrain.data.targets import Targets
from mlptrain.errors import DataError
from mlptrain.text import exact, show_name, show_path

_MOST_SHOWN = 50


class TargetReader(ABC):
    """How a task reads its targets.

    Attributes:
        columns: the target columns of a table.
        may_be_empty: whether a value in these may be empty.
        images_only: whether the inputs must be images.
    """

    columns: tuple[str, ...]
    may_be_empty: ClassVar[bool] = False
    images_only: ClassVar[bool] = False

    @abstractmethod
    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> Targets:
        """The targets of the examples at `rows`. Raises DataError, which names `place`."""

    def read_files(
        self, targets: Targets, images: Sequence[str], image: ImageSettings
    ) -> tuple[Targets, dict[int, BadImage]]:
        """The `targets` of the images in the files `images`, read if they are files themselves, and
        those that cannot be read, by index."""
        return targets, {}

    def complete(self, targets: Targets, image: ImageSettings, place: str) -> Targets:
        """Complete the `targets` of the readable examples, once the image settings are known.
        Raises DataError if something is missing."""
        return targets


class Lists(NamedTuple):
    """What a source says of its examples before any image is read.

    Attributes:
        content: all of it.
        rows: the indices of the requested examples.
        targets: the targets of these.
        weights: their weights, if there are any.
        left_out: the names of the other examples.
    """

    content: Content
    rows: NDArray[np.int64]
    targets: Targets
    weights: NDArray[np.float64] | None
    left_out: tuple[str, ...]


def read_lists(
    source: Source,
    targets: TargetReader,
    weight: str | None = None,
    only: Collection[str] | None = None,
) -> Lists:
    """The lists of `source`; the arguments are those of `read`. Raises DataError."""
    content, place = source.content(targets.columns, weight), source.place
    if not targets.may_be_empty:
        _refuse_empty(content, targets.columns, place)
    if targets.images_only and isinstance(content, Arrays) and content.inputs.dtype != np.uint8:
        raise DataError(
            f"{show_path(place)}: holds numbers, but this task learns from images. Convert them "
            "to uint8."
        )
    rows, left_out = _wanted(content, only)
    found = targets.read(content, rows, place)
    return Lists(content, rows, found, _weights(content, rows, place), left_out)


def read(
    source: Source,
    settings: ImageSettings,
    targets: TargetReader,
    *,
    numbers: DTypeLike = np.float32,
    weight: str | None = None,
    only: Collection[str] | None = None,
    expected: Expected | None = None,
    on_bad_image: Literal["error", "skip"] = "error",
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, ImageSettings]:
    """Read all of `source`, or `only` the images with these `exact` names; also returns `settings`
    fully resolved.

    `expected`: what the training images had in common; the number of images that differ is noted.
    Unreadable images are skipped, or raise a DataError that names them all. Decoded images are
    kept in the folder `cache`, or, with None, in memory. `weight` is the column of the examples'
    weights in the loss; `numbers` the dtype of inputs that are no images."""
    place = source.place
    content, rows, found, weights, left_out = read_lists(source, targets, weight, only)
    if isinstance(content, Arrays):
        content = content.of_floats(numbers)
        dataset, settings = _of_array(content, rows, found, settings, expected, place)
        lines = dataset.lines
    else:
        content = content if only is None else content.take(rows.tolist())
        loaded, settings, notes = _loaded(
            content, settings, expected, place, on_bad_image, cache, progress
        )
        found, rows, bad = _usable(content, loaded, targets, found, settings, place, on_bad_image)
        indices = loaded.indices[rows].tolist()
        lines = tuple(map(content.lines.__getitem__, indices)) if content.lines else ()
        weights = None if weights is None else weights[indices]
        dataset = Dataset(
            loaded.images,
            rows,
            digests_of(loaded.images, rows),
            found,
            tuple(map(content.names.__getitem__, indices)),
            content.root,
            skipped=(*loaded.bad.values(), *bad),
            notes=notes,
        )
    found = targets.complete(dataset.targets, settings, place)
    dataset = replace(dataset, targets=found, weights=weights, left_out=left_out)
    notes = (*dataset.notes, *copies_within(dataset, place, lines))
    return replace(dataset, notes=notes), settings


def _of_array(
    content: Arrays,
    rows: NDArray[np.int64],
    targets: Targets,
    settings: ImageSettings,
    expected: Expected | None,
    place: str,
) -> tuple[Dataset, ImageSettings]:
    """The inputs at `rows` of an array, with their targets (n,)."""
    inputs = content.inputs
    notes: tuple[str, ...] = ()
    if inputs.dtype == np.uint8:
        given = form_of(inputs)
        inputs, settings = fit_array(inputs, settings)
        if expected and not expected.allows(*given):
            note = expected.tell_of_unlike(len(rows), len(rows), settings.resize)
            notes = (f"{show_path(place)}: {note}",)
    dataset = Dataset(
        inputs,
        rows,
        digests_of(inputs, rows),
        targets,
        tuple(map(content.names.__getitem__, rows.tolist())),
        content.root,
        (os.path.join(content.root, content.file or content.name), content.name),
        content.features,
        tuple(map(content.lines.__getitem__, rows.tolist())) if content.lines else (),
        notes=notes,
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
    """The decoded files, the fully resolved `settings`, and notes for the user."""
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
        raise _bad_files(bad, len(paths), place, "images")
    if expected and loaded.unlike:
        total = len(loaded.indices)
        note = expected.tell_of_unlike(len(loaded.unlike), total, settings.resize)
        notes.append(f"{show_path(place)}: {note}")
    return loaded, settings, tuple(notes)


def _usable(
    content: Files,
    loaded: Loaded,
    reader: TargetReader,
    targets: Targets,
    settings: ImageSettings,
    place: str,
    on_bad_image: Literal["error", "skip"],
) -> tuple[Targets, NDArray[np.int64], tuple[BadImage, ...]]:
    """The `targets` that can be used, of images that were loaded; the row of each in
    `loaded.images`; and the target files that cannot be used. Raises DataError for these unless
    they are to be skipped."""
    paths = content.paths()
    images = [paths[index] for index in loaded.indices.tolist()]
    found, bad = reader.read_files(targets.select(loaded.indices), images, settings)
    if bad and on_bad_image == "error":
        raise _bad_files(tuple(bad.values()), len(images), place, "masks")
    rows = np.delete(np.arange(len(images)), list(bad))
    return found.select(rows), rows, tuple(bad.values())


def _wanted(
    content: Content, only: Collection[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The indices of the examples whose names are in `only` (None: all), and the names of the
    others."""
    if only is None:
        return np.arange(len(content.labels)), ()
    wanted = np.array([exact(name) in only for name in content.names], bool)
    others = np.flatnonzero(~wanted)
    return np.flatnonzero(wanted), tuple(map(content.names.__getitem__, others.tolist()))


def _refuse_empty(content: Content, columns: tuple[str, ...], place: str) -> None:
    """Raise DataError, naming its line, for an example of a table without a target."""
    for label, line in zip(content.labels if content.lines else (), content.lines, strict=True):
        texts = (label,) if isinstance(label, str) else label
        if "" in texts:
            raise DataError(
                f"{show_path(place)}:{line}: {show_name(columns[texts.index('')])} is empty. Fill "
                "it in, or leave out the line."
            )


def _weights(content: Content, rows: NDArray[np.int64], place: str) -> NDArray[np.float64] | None:
    """The weights (n,) of the examples at `rows`, all above 0 and finite."""
    if content.weights is None:
        return None
    weights = np.empty(len(content.weights))
    for index, value in enumerate(content.weights):
        weights[index] = number_in(value)
        if not 1e-6 <= weights[index] <= 1e6:
            line = f":{content.lines[index]}" if content.lines else ""
            given = "missing" if value == "" else f"'{show_name(str(value))}'"
            raise DataError(
                f"{show_path(place)}{line}: the weight of {show_name(content.names[index])} is "
                f"{given}. Allowed are numbers from 1e-6 to 1e6."
            )
    return weights[rows]


def _bad_files(bad: tuple[BadImage, ...], total: int, place: str, what: str) -> DataError:
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
        f"{show_path(place)}: {len(bad):,} of {total:,} {what} cannot be used:\n"
        + "\n".join(lines)
        + f"\n{remedy}"
    )

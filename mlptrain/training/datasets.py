"""The train, validation and test splits that a config describes."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlptrain.config.schema import Config
from mlptrain.data.copies import copies_across, tell_of_copies_across
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import originals
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.cache import cache_folder
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.source import Source
from mlptrain.data.splits import stratified_split
from mlptrain.data.targets import NumberTargets
from mlptrain.errors import DataError
from mlptrain.tasks.task import TargetSpec
from mlptrain.text import show_name
from mlptrain.training.streams import TEST_SPLIT, VALIDATION_SPLIT, stream

Reading = Callable[[str, int, int], None]  # split, images done, images in total
Failed = Callable[[str, DataError], None]  # split, what is wrong with it

SPLITS = ("train", "validation", "test")
_DRAWING = {"test": TEST_SPLIT, "validation": VALIDATION_SPLIT}  # in this order


@dataclass(frozen=True)
class Splits:
    """All data of a run, decoded, and the fully resolved image settings. `copies`: how many images
    of each held-out split duplicate images of an earlier split; `notes`: messages for the user."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    image: ImageSettings
    copies: dict[str, int]
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, Dataset]]:
        for name in SPLITS:
            dataset: Dataset | None = getattr(self, name)
            if dataset is not None:
                yield name, dataset


def read_splits(config: Config, reading: Reading) -> Splits:
    """Read all splits. Raises DataError, naming every bad file."""

    def failed(_split: str, error: DataError) -> None:
        raise error

    parts, image = read_parts(config, reading, failed)
    copies, across = _copies(parts)
    notes = [*(note for part in parts.values() for note in part.notes), *across]
    return Splits(
        parts["train"],
        parts.get("validation"),
        parts.get("test"),
        image,
        copies,
        tuple(dict.fromkeys(notes)),
    )


def read_parts(
    config: Config, reading: Reading, failed: Failed
) -> tuple[dict[str, Dataset], ImageSettings]:
    """All splits by name, and the fully resolved image settings. A split that raises a DataError is
    left out if `failed`, which is told, returns; one that fractions cannot be drawn from stays
    whole."""
    data, image = config.data, config.data.image
    parts: dict[str, Dataset] = {}
    whole = spec = expected = None
    with _told(failed, "train"):
        whole, image = read_part(config, "train", data.train, image, reading)
        spec, expected = config.task.spec(whole.targets), data.image.common(image)
        parts["train"] = whole
        parts = drawn(config, whole)
    features = whole.features if whole else ()
    for name in SPLITS[1:]:
        source = getattr(data, name)
        if isinstance(source, Source):
            with _told(failed, name):
                part, _ = read_part(config, name, source, image, reading, spec, expected, features)
                if whole is not None:
                    _require_same_shape(whole, part, name)
                parts[name] = part
    return {name: parts[name] for name in SPLITS if name in parts}, image


@contextmanager
def _told(failed: Failed, split: str) -> Iterator[None]:
    """Pass a DataError about a split on to `failed`."""
    try:
        yield
    except DataError as error:
        failed(split, error)


def scaled_as(splits: Splits, spec: TargetSpec) -> Splits:
    """`splits`, with targets that are numbers scaled by the mean and deviation in `spec`."""

    def scaled(dataset: Dataset) -> Dataset:
        assert isinstance(dataset.targets, NumberTargets)
        mean, std = np.array(spec.mean), np.array(spec.std)
        return replace(dataset, targets=replace(dataset.targets, mean=mean, std=std))

    if not isinstance(splits.train.targets, NumberTargets):
        return splits
    parts: dict[str, Any] = {name: scaled(dataset) for name, dataset in splits}
    return replace(splits, **parts)


def read_part(
    config: Config,
    name: str,
    source: Source,
    image: ImageSettings,
    reading: Reading,
    known: TargetSpec | None = None,
    expected: Expected | None = None,
    features: tuple[str, ...] = (),
    *,
    partial: bool = False,
    only: Collection[str] | None = None,
) -> tuple[Dataset, ImageSettings]:
    """The examples of a source, which is that of the split `name`, and the fully resolved image
    settings. `known`, `expected` and `features`: of the training examples, unless these are they;
    `partial` and `only` are those of a task's reader and of `read`."""
    return read(
        source.of_split(name).with_features(features),
        image,
        config.task.reader(
            config.data.class_names,
            known,
            partial=partial,
            of_counts=config.training.loss.of_counts,
        ),
        numbers=config.training.precision,
        weight=config.data.weight,
        only=only,
        expected=expected,
        on_bad_image=config.data.on_bad_image,
        cache=cache_folder() if config.data.cache else None,
        progress=lambda done, total: reading(name, done, total),
    )


def _require_same_shape(train: Dataset, other: Dataset, name: str) -> None:
    """Raise DataError unless the inputs of the split `name` have the columns and shape of the
    training inputs."""
    shape, features = train.inputs.shape[1:], train.features
    if other.inputs.shape[1:] != shape or other.features != features:
        raise other_shape(f"data.{name}", other, shape, features)


def other_shape(
    place: str, dataset: Dataset, shape: tuple[int, ...], features: tuple[str, ...]
) -> DataError:
    """The error for examples at `place` that have another shape, or other features, than those of
    training."""
    if dataset.features and features:
        now, then = (", ".join(map(show_name, names)) for names in (dataset.features, features))
        return DataError(f"{place}: its features are {now}. The training data has {then}.")
    return DataError(
        f"{place}: each example has the shape {dataset.inputs.shape[1:]}, those of training "
        f"{shape}. Evaluate data of the same kind."
    )


def _copies(parts: dict[str, Dataset]) -> tuple[dict[str, int], list[str]]:
    """How many images of each held-out split duplicate images of an earlier one, and the messages
    for the user. Raises DataError if one file is in two splits."""
    names, found, notes = list(parts), {}, []
    for index, name in enumerate(names[1:], 1):
        copied: set[int] = set()
        for earlier in names[:index]:
            pairs = copies_across(parts[earlier], parts[name])
            if pairs:
                both = (earlier, name)
                notes.append(tell_of_copies_across(both, parts[earlier], parts[name], pairs))
            copied.update(j for _, j in pairs)
        found[name] = len(copied)
    return found, notes


def fractions(config: Config) -> dict[str, float]:
    """The splits that are fractions of data.train, in the order in which they are drawn."""
    sources = ((name, getattr(config.data, name)) for name in _DRAWING)
    return {name: source for name, source in sources if isinstance(source, float)}


def drawn(config: Config, dataset: Dataset) -> dict[str, Dataset]:
    """The splits of `dataset`, all of data.train: each fraction, drawn from what the ones before it
    left, and the rest, "train"."""
    rest, parts = dataset, {}
    for name, fraction in fractions(config).items():
        strata, names = rest.targets.strata()
        kept, held_out = stratified_split(
            strata,
            originals(rest.digests),
            fraction,
            stream(config.seed, _DRAWING[name]),
            names,
            "" if rest is dataset else " outside the test split",
        )
        rest, parts[name] = rest.select(kept), rest.select(held_out)
    return {**parts, "train": replace(rest, skipped=dataset.skipped, notes=dataset.notes)}

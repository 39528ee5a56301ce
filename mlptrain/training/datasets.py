"""The train, validation and test splits that a config describes."""

from collections.abc import Callable, Collection, Iterator
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
from mlptrain.text import exact, show_name, show_path
from mlptrain.training.checkpoint import State
from mlptrain.training.split_table import Members
from mlptrain.training.streams import TEST_SPLIT, VALIDATION_SPLIT, stream

Reading = Callable[[str, int, int], None]  # split, images done, images in total

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
    data = config.data
    train, image = _read(config, "train", data.train, data.image, reading)
    spec, expected = config.task.spec(train.targets), data.image.common(image)
    drawn = _drawn(config, train)
    parts = {}
    for name in SPLITS:
        source = getattr(data, name)
        if name in drawn:
            parts[name] = drawn[name]
        elif source is not None:
            parts[name], _ = _read(
                config, name, source, image, reading, spec, expected, train.features
            )
            _require_same_shape(train, parts[name], name)
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


def read_split(
    state: State,
    image: ImageSettings,
    name: str,
    members: dict[str, Members] | None,
    reading: Reading,
) -> Dataset:
    """Read the split `name` of a saved run again, with `image`: exactly its `members`, or, with
    None, everything that the config names, split as in training.

    Raises DataError if the run has no such split or its images have changed."""
    config = state.config
    place, source = source_of(config, name)
    divided = ("train", *fractions(config))
    if members is not None:
        parts = divided if name in divided else (name,)
        only = {each for part in parts for each in members[part].names}
        return members[name].found_in(
            _again(state, image, place, source, reading, only), source.place, name
        )
    dataset = _again(state, image, place, source, reading)
    if name in divided:
        dataset = _drawn(config, dataset)[name]
    if dataset.fingerprint() != state.fingerprints[name]:
        raise DataError(
            f"{show_path(source.place)}: its {dataset.words.many} are not those that the model was "
            f"trained with, so its {name} split cannot be drawn again. Restore them, or evaluate "
            "the run folder, whose split.csv lists them."
        )
    return dataset


def source_of(config: Config, split: str) -> tuple[str, Source]:
    """The key of `data` under which the examples of a split are, and their source. Raises DataError
    if the config has no such split."""
    source = getattr(config.data, split)
    if source is None:
        raise DataError(
            f"data.{split}: the model's config has no {split} split. "
            "Evaluate another one with --split, or other data with --data."
        )
    return ("train", config.data.train) if isinstance(source, float) else (split, source)


def read_source(state: State, image: ImageSettings, source: Source, reading: Reading) -> Dataset:
    """Read any source with the settings of a saved run; some classes may be missing."""
    chosen = source.of_split("data")
    dataset = _again(state, image, "data", chosen, reading)
    if chosen == source:
        return dataset
    note = f"{show_path(source.place)}: evaluated {chosen.part}"
    return replace(dataset, notes=(note, *dataset.notes))


def read_same(
    state: State,
    image: ImageSettings,
    source: tuple[str, Source],
    examples: Dataset,
    reading: Reading,
) -> Dataset:
    """The `examples` that another model read from `source`, read for this one: in the same order,
    with its own image settings. Raises DataError if they are not the same."""
    key, place = source[0], source[1].place
    names = list(map(exact, examples.names))
    found = _again(state, image, key, source[1], reading, set(names))
    where = {exact(name): index for index, name in enumerate(found.names)}
    if missing := [name for name in names if name not in where]:
        raise DataError(
            f"{show_path(place)}: this model cannot read {show_name(missing[0])}"
            f"{f' and {len(missing) - 1:,} more' if missing[1:] else ''}. Allow it with --formats "
            "or --max-pixels, or evaluate other data."
        )
    same = found.select(np.array([where[name] for name in names], np.int64))
    if same.targets.texts() != examples.targets.texts():
        raise DataError(f"{show_path(place)}: the two models read other targets from it.")
    return same


def _again(
    state: State,
    image: ImageSettings,
    name: str,
    source: Source,
    reading: Reading,
    only: Collection[str] | None = None,
) -> Dataset:
    config, spec = state.config, state.targets
    expected = config.data.image.common(image)
    dataset, _ = _read(
        config,
        name,
        source,
        image,
        reading,
        spec,
        expected,
        state.features,
        partial=True,
        only=only,
    )
    if dataset.inputs.shape[1:] != state.shape or dataset.features != state.features:
        raise _other_shape(source.place, dataset, state.shape, state.features)
    return dataset


def _read(
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
        raise _other_shape(f"data.{name}", other, shape, features)


def _other_shape(
    place: str, dataset: Dataset, shape: tuple[int, ...], features: tuple[str, ...]
) -> DataError:
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


def _drawn(config: Config, dataset: Dataset) -> dict[str, Dataset]:
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

"""The examples of a saved run, read again for evaluation: the same ones, or others."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from mlptrain.config.schema import Config
from mlptrain.data.dataset import Dataset
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.sources.source import Source
from mlptrain.errors import DataError
from mlptrain.text import exact, show_name, show_path
from mlptrain.training.checkpoint import State
from mlptrain.training.datasets import Reading, drawn, fractions, other_shape, read_part
from mlptrain.training.split_table import Members


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
        dataset = drawn(config, dataset)[name]
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
    dataset, _ = read_part(
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
        raise other_shape(source.place, dataset, state.shape, state.features)
    return dataset

"""The train, validation and test splits that a config describes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mlptrain.config.schema import Config
from mlptrain.data.cache import cache_folder
from mlptrain.data.dataset import Dataset
from mlptrain.data.read import read
from mlptrain.data.settings import ImageSettings
from mlptrain.data.source import Source
from mlptrain.data.splits import stratified_split
from mlptrain.errors import DataError
from mlptrain.training.streams import SPLITTING, stream

Reading = Callable[[str, int, int], None]  # split, images done, images in all


@dataclass(frozen=True)
class Splits:
    """All data of a run, decoded, and the image settings with nothing left open."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    image: ImageSettings

    def __iter__(self) -> Iterator[tuple[str, Dataset]]:
        for name in ("train", "validation", "test"):
            dataset: Dataset | None = getattr(self, name)
            if dataset is not None:
                yield name, dataset


def read_splits(config: Config, reading: Reading) -> Splits:
    """Read everything, before the first epoch. Raises DataError, naming every bad file."""
    data = config.data
    train, image = _read(config, "train", data.train, data.image, None, reading)
    names = train.class_names
    validation = test = None
    if isinstance(data.validation, float):
        train, validation = _split(config, train)
    elif data.validation is not None:
        validation, _ = _read(config, "validation", data.validation, image, names, reading)
    if data.test is not None:
        test, _ = _read(config, "test", data.test, image, names, reading)
    return Splits(train, validation, test, image)


def read_split(
    config: Config, name: str, image: ImageSettings, class_names: tuple[str, ...], reading: Reading
) -> Dataset:
    """Read the one split `name` of a trained model's config, with its image settings and classes.

    Raises DataError if the config has no such split."""
    source = getattr(config.data, name)
    if source is None:
        raise DataError(
            f"data.{name}: the model's config has no {name} split. "
            "Evaluate another one with --split, or other images with --data."
        )
    if name == "train" or isinstance(source, float):
        dataset, _ = _read(config, "train", config.data.train, image, class_names, reading)
        if isinstance(config.data.validation, float):
            train, validation = _split(config, dataset)
            return train if name == "train" else validation
        return dataset
    return read_source(config, name, source, image, class_names, reading)


def read_source(
    config: Config,
    name: str,
    source: Source,
    image: ImageSettings,
    class_names: tuple[str, ...],
    reading: Reading,
) -> Dataset:
    """Read any source, called `name` to the user, as if it were a split of `config`."""
    dataset, _ = _read(config, name, source, image, class_names, reading)
    return dataset


def _read(
    config: Config,
    name: str,
    source: Source,
    image: ImageSettings,
    class_names: tuple[str, ...] | None,
    reading: Reading,
) -> tuple[Dataset, ImageSettings]:
    return read(
        source.of_split(name),
        image,
        label_names=config.data.class_names,
        class_names=class_names,
        on_bad_image=config.data.on_bad_image,
        cache=cache_folder() if config.data.cache else None,
        progress=lambda done, total: reading(name, done, total),
    )


def _split(config: Config, dataset: Dataset) -> tuple[Dataset, Dataset]:
    fraction = config.data.validation
    assert isinstance(fraction, float)
    kept, held_out = stratified_split(
        dataset.labels, fraction, stream(config.seed, SPLITTING), dataset.class_names
    )
    train = replace(dataset.select(kept), skipped=dataset.skipped, notes=dataset.notes)
    return train, dataset.select(held_out)

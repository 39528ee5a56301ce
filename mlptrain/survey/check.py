"""`mlptrain check`: everything that is wrong with the data of a config, and what training costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlptrain.config.load import GivenConfig
from mlptrain.config.schema import Config
from mlptrain.data.dataset import Dataset
from mlptrain.data.images.settings import ImageSettings
from mlptrain.errors import DataError, MlptrainError
from mlptrain.survey.columns import constant_columns, names_alike, rare_and_frequent
from mlptrain.survey.cost import Cost, cost_of
from mlptrain.survey.examples import (
    constant_images,
    copies,
    copies_between,
    mixed_looks,
    unusable_files,
)
from mlptrain.survey.finding import Finding
from mlptrain.training.datasets import Reading, Splits, fractions, read_parts
from mlptrain.training.setup import build_fitting
from mlptrain.training.warm_start import read_start


@dataclass(frozen=True)
class Check:
    """Attributes:
    examples: how many each split has, of those that could be read.
    findings: errors first.
    cost: what training would cost; None if it cannot begin.
    """

    examples: dict[str, int]
    findings: tuple[Finding, ...]
    cost: Cost | None

    def count(self, severity: str) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def record(self) -> dict[str, Any]:
        """The check for a program."""
        return {
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "examples": self.examples,
            "findings": [finding.record() for finding in self.findings],
            "cost": self.cost and self.cost.record(),
        }


def check_data(given: GivenConfig, reading: Reading) -> Check:
    """Read all data as training would, look at all of it, and, unless there are errors, make a few
    steps. Raises ConfigError and ModelFileError for weights to start from."""
    config, found = given.config, list[Finding]()
    init = config.training.start()
    start = read_start(init) if init else None

    def failed(split: str, error: DataError) -> None:
        found.append(Finding("error", "unreadable", f"data.{split}", str(error), ""))

    skipping = config.data.model_copy(update={"on_bad_image": "skip"})
    parts, image = read_parts(config.model_copy(update={"data": skipping}), reading, failed)
    found += _findings(config, parts, image)
    cost = None
    if not any(finding.severity == "error" for finding in found):
        splits = Splits(parts["train"], parts.get("validation"), parts.get("test"), image, {}, ())
        try:
            cost = cost_of(build_fitting(given, splits, start))
        except MlptrainError as error:
            found.append(Finding("error", "untrainable", "training", str(error), ""))
    found.sort(key=lambda finding: finding.severity != "error")
    return Check({name: len(part) for name, part in parts.items()}, tuple(found), cost)


def _findings(
    config: Config, parts: Mapping[str, Dataset], image: ImageSettings
) -> Iterator[Finding]:
    skip, drawn = config.data.on_bad_image == "skip", fractions(config)
    for split, dataset in parts.items():
        if split not in drawn:
            sharing = ("train", *drawn) if split == "train" else (split,)
            usable = sum(len(parts[each]) for each in sharing if each in parts)
            yield from unusable_files(split, dataset, usable, skip=skip)
            yield from mixed_looks(split, dataset, image)
        yield from copies(split, dataset)
        yield from constant_images(split, dataset)
    yield from copies_between(parts)
    if "train" in parts:
        yield from names_alike(parts["train"])
        yield from rare_and_frequent(parts["train"])
        yield from constant_columns(parts["train"])

"""`training.class_weight`: how much the examples or pixels of each class count in the loss."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.names import refuse_misspelt
from mlptrain.data.targets import ClassTargets, MaskTargets, Targets
from mlptrain.errors import ConfigError
from mlptrain.text import show_name


def weighted(targets: Targets, setting: str | Mapping[str, float] | None) -> Targets:
    """`targets` with a weight for each class: the `setting`'s, 1 where a mapping names none, or, if
    it is "balanced", n / (classes · count), which gives all classes the same total. Raises
    ConfigError for an unknown class, and for targets without classes."""
    if setting is None:
        return targets
    if not isinstance(targets, ClassTargets | MaskTargets):
        raise ConfigError("training.class_weight: this task has no classes. Remove it.")
    of = _balanced(targets) if isinstance(setting, str) else _chosen(setting, targets.names)
    return replace(targets, name_weights=of)


def _balanced(targets: Targets) -> NDArray[np.float64]:
    classes = len(targets.names)
    counts = np.bincount(targets.values.reshape(-1), minlength=classes)[:classes]
    return np.asarray(counts.sum() / (classes * np.maximum(counts, 1)))


def _chosen(setting: Mapping[str, float], names: tuple[str, ...]) -> NDArray[np.float64]:
    try:
        refuse_misspelt(setting, names)
    except ValueError as error:
        raise ConfigError(f"training.class_weight: {error}") from None
    unknown = [name for name in setting if name not in names]
    if unknown:
        raise ConfigError(
            f"training.class_weight: there is no class {show_name(unknown[0])!r}; "
            f"the classes are {', '.join(map(show_name, names))}"
        )
    return np.array([setting.get(name, 1.0) for name in names])

"""The keys of configs as flat names, and those in which several differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlptrain.config.flat import flat
from mlptrain.text import show_name, show_path

Settings = Mapping[str, Any]  # values by key, such as training.epochs


def settings_of(config: Any) -> dict[str, Any]:
    """The values of a config by key; those of a list of layers and the like by number."""
    return flat(_numbered(config))


def differing(settings: Sequence[Settings]) -> list[str]:
    """The keys whose values are not the same in all, in their order there. A list of scalars is one
    value."""
    keys = dict.fromkeys(key for each in settings for key in each)
    return [k for k in keys if any(_spelt(each, k) != _spelt(settings[0], k) for each in settings)]


def show_value(settings: Settings, key: str) -> str:
    """The value of `key` for people; "-" where there is none."""
    value = settings.get(key)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return show_path(value) if value.startswith("/") else show_name(value)
    return show_name(f"{value:g}" if isinstance(value, float) else str(value))


def short_titles(keys: Sequence[str]) -> list[str]:
    """As much of the end of each key as tells it from the others."""
    titles = []
    for key in keys:
        parts = key.split(".")
        ends = (".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1))
        alone = (end for end in ends if sum(f".{each}".endswith(f".{end}") for each in keys) == 1)
        titles.append(next(alone, key))
    return titles


def _numbered(tree: Any) -> Any:
    """`tree` with the entries of lists that hold mappings under their numbers."""
    if isinstance(tree, list) and any(isinstance(each, dict) for each in tree):
        tree = {str(index): each for index, each in enumerate(tree, 1)}
    if not isinstance(tree, dict):
        return tree
    return {key: _numbered(value) for key, value in tree.items()}


def _spelt(settings: Settings, key: str) -> str:
    return repr(settings.get(key))

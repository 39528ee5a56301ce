"""A YAML file and `--set`, or a Python mapping -> a Config, or one ConfigError that shows every
mistake in its place.

The steps: bytes, text, tree (`tree.py`, the gate), with what it extends (`extends.py`) and with
overrides (`overrides.py`), Config (`schema.py`), with pydantic's errors in words (`explain.py`).
"""

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from mlptrain.config.explain import explain
from mlptrain.config.extends import folder_of, merged, read_config, read_trees
from mlptrain.config.overrides import Override, override
from mlptrain.config.python_tree import NAME, plain_data, tree_of
from mlptrain.config.report import SHOWN_REPORTS, Report, Source, config_error, shorten
from mlptrain.config.schema import Config
from mlptrain.config.tree import (
    BrokenNode,
    MappingNode,
    Node,
    RefusedTextError,
    ScalarNode,
    SequenceNode,
    read_tree,
    value_of,
)
from mlptrain.data.sources.source import Source as DataSource
from mlptrain.data.sources.source import from_config, locate
from mlptrain.errors import ConfigError
from mlptrain.paths import UnreadableError
from mlptrain.plugins import load_plugin, loaded_plugins
from mlptrain.text import printable, show_path


@dataclass(frozen=True)
class GivenConfig:
    """A config and how it was given.

    Attributes:
        path: its file, as given; relative paths in it start from that file's folder.
        overrides: what else was set, as for `--set`; the last of equal keys wins.
        keys: the keys given in either, as plain data, without defaults.
        config: the result, with every default filled in and every path absolute.
        plugins: the digest of each plug-in by file name.
    """

    path: Path
    overrides: tuple[str, ...]
    keys: Any
    config: Config
    plugins: dict[str, str]

    def seen_from(self, folder: Path) -> Config:
        """The config for a file in `folder`: relative paths are rewritten to lead from there to the
        same places, absolute ones stay."""
        way = os.path.relpath(folder_of(self.path), os.path.realpath(folder))
        return Config.model_validate(self.keys, context={"folder": way})


def load_config(
    path: Path,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    sources: Mapping[str, DataSource] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> GivenConfig:
    """The config in the file `path`, with what the `environment` sets and then the `overrides`
    (`training.epochs=5`) applied, and `plugins` added to its own. All plug-ins are run. `sources`
    stand in for data.train and the like."""
    return parse_config(read_config(path), path, overrides, plugins, sources, environment)


def parse_config(
    data: bytes,
    path: Path,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    sources: Mapping[str, DataSource] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> GivenConfig:
    """The config in `data`, the content of the file `path`, which names the places in errors and
    from whose folder relative paths start."""
    name = show_path(path)
    trees, reports = read_trees(data, path)
    changes = [*Override.of_environment(environment), *map(Override.of_option, overrides)]
    load_plugins(plugins)
    listed, _ = override(deepcopy(merged(trees, Config)), changes, Config)
    _load_listed(listed, name, folder_of(path))  # first: the rest may use what they define
    root, more = override(merged(trees, Config), changes, Config)
    reports += more
    if isinstance(root, ScalarNode) and not root.text:
        raise ConfigError(
            f"{name}: the file is empty; a config needs at least data: {{train: ...}}"
        )
    texts = [each.text for each in changes]
    return _given(root, value_of(root), reports, path, texts, plugins, sources)


def config_of(
    mapping: Mapping[str, Any],
    plugins: Sequence[Path] = (),
    sources: Mapping[str, DataSource] = MappingProxyType({}),
) -> GivenConfig:
    """The config in a Python `mapping`, with the keys of a config file. Relative paths start from
    the current folder."""
    keys, path = plain_data(mapping), Path(NAME)
    root = tree_of(keys)
    load_plugins(plugins)
    _load_listed(root, NAME, folder_of(path))
    return _given(root, keys, [], path, (), plugins, sources)


def _given(
    root: Node,
    keys: Any,
    reports: list[Report],
    path: Path,
    overrides: Sequence[str],
    plugins: Sequence[Path],
    sources: Mapping[str, DataSource],
) -> GivenConfig:
    """The config that `root`, or `keys` as plain data, describes, once all plug-ins are loaded;
    `sources` stand in for the keys of this name in `data`. `reports`: the mistakes found so far."""
    if plugins and isinstance(keys, dict) and isinstance(keys.get("plugins", []), list):
        added = [_relative(each, folder_of(path)) for each in plugins]
        keys = {**keys, "plugins": [*keys.get("plugins", []), *added]}
    if sources and isinstance(keys, dict) and isinstance(keys.get("data", {}), dict):
        keys = {**keys, "data": {**keys.get("data", {}), **sources}}
    config = _validated(root, keys, reports, path)
    loaded = loaded_plugins()
    digests = {Path(each).name: loaded[Path(each).name] for each in config.plugins}
    return GivenConfig(path, tuple(overrides), keys, config, digests)


def load_plugins(paths: Sequence[Path]) -> None:
    """Run the files that `--plugin` names. Raises ConfigError."""
    for path in paths:
        try:
            load_plugin(str(path))
        except UnreadableError as error:
            raise ConfigError(f"--plugin {show_path(path)}: {error}.") from None


def _load_listed(root: Node, name: str, folder: str) -> None:
    """Run the plug-ins that the config `root` lists. Mistakes in the list itself are skipped here
    and reported with all others."""
    entry = root.entries.get("plugins") if isinstance(root, MappingNode) else None
    items = entry.node.items if entry and isinstance(entry.node, SequenceNode) else ()
    for item in items:
        written = from_config(value_of(item))
        if isinstance(written, str):
            try:
                load_plugin(locate(written, folder))
            except ValueError:
                continue
            except UnreadableError as error:
                message = f"the plug-in {show_path(written)} {error}"
                raise config_error(name, [Report(item.place, message)], 1) from None


def _relative(path: Path, folder: str) -> str:
    """`path`, given on the command line, relative to `folder`; an absolute one stays."""
    return str(path) if path.is_absolute() else os.path.relpath(os.path.realpath(path), folder)


def parse_value(text: str, option: str) -> object:
    """`text`, the value of `option` on the command line, parsed by the rules of a config file.
    Raises ConfigError."""
    name = f"{option} {shorten(printable(text), 200)}"
    try:
        root, reports = read_tree(text, Source(name))
    except RefusedTextError as error:
        root, reports = BrokenNode(error.reports[-1].place), list(error.reports)
    if reports:
        raise config_error(name, reports[:SHOWN_REPORTS], len(reports))
    return value_of(root)


def _validated(root: Node, keys: Any, reports: list[Report], path: Path) -> Config:
    """The config that `root`, or `keys` as plain data, describes. `reports`: the mistakes found so
    far."""
    name, count = show_path(path), len(reports)
    try:
        config = Config.model_validate(keys, context={"folder": folder_of(path)})
        if not reports:
            return config
    except ValidationError as error:
        found, mistakes = explain(error, root, Config)
        reports, count = reports + found, count + mistakes
    reports.sort(key=lambda report: report.place.order)
    raise config_error(name, reports[:SHOWN_REPORTS], count)

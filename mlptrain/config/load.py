"""A YAML file and `--set` -> a Config, or one ConfigError that shows every mistake in its place.

The way of a config: bytes, text, tree (`tree.py`, the gate), tree with overrides (`overrides.py`),
Config (`schema.py`), with pydantic's errors put into words (`explain.py`).
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from mlptrain.config.explain import explain
from mlptrain.config.overrides import override
from mlptrain.config.report import SHOWN_REPORTS, Place, Report, Source, config_error
from mlptrain.config.schema import Config
from mlptrain.config.tree import (
    Node,
    RefusedTextError,
    ScalarNode,
    lines_of,
    read_tree,
    value_of,
)
from mlptrain.data.reading import UnreadableError, read_file, unmarked
from mlptrain.errors import ConfigError
from mlptrain.text import show_path

MAX_BYTES = 1 << 20


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in the file `path`, with `overrides` (`training.epochs=5`) put in."""
    return parse_config(read_bytes(path), path, overrides)


def read_bytes(path: Path) -> bytes:
    """What is in the config file `path`. Raises ConfigError."""
    try:
        return read_file(str(path), MAX_BYTES)
    except UnreadableError as error:
        raise ConfigError(f"{show_path(path)}: {error}") from None


def parse_config(data: bytes, path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in `data`, the content of the file `path`: places are named, and relative paths
    found, as that file's."""
    name = show_path(path)
    text = _decode(data, name)
    source = Source(name, lines_of(text))
    try:
        root, reports = read_tree(text, source)
    except RefusedTextError as error:
        raise config_error(name, error.reports[-SHOWN_REPORTS:], len(error.reports)) from None
    root, more = override(root, overrides, Config)
    reports += more
    if isinstance(root, ScalarNode) and not root.text:
        raise ConfigError(
            f"{name}: the file is empty; a config needs at least data: {{train: ...}}"
        )
    return _validated(root, reports, path)


def _decode(data: bytes, name: str) -> str:
    try:
        data = unmarked(data)
    except UnreadableError as error:
        raise ConfigError(f"{name}: {error}") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = lines_of(data[: error.start].decode())
        source = Source(name, lines_of(data.decode(errors="backslashreplace")))
        place = Place(source, len(before) - 1, len(before[-1]), len(r"\xff"))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise config_error(name, [Report(place, message)], 1) from None


def _validated(root: Node, reports: list[Report], path: Path) -> Config:
    """The config that `root` describes. `reports` is what is known to be wrong with it already."""
    name, count = show_path(path), len(reports)
    try:
        config = Config.model_validate(value_of(root), context={"folder": path.absolute().parent})
        if not reports:
            return config
    except ValidationError as error:
        found, mistakes = explain(error, root, Config)
        reports, count = reports + found, count + mistakes
    reports.sort(key=lambda report: report.place.order)
    raise config_error(name, reports[:SHOWN_REPORTS], count)

"""A config as a Python dict: the same result as from YAML, and the same words for mistakes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mlptrain.config.load import config_of, parse_config
from mlptrain.errors import ConfigError

DATA = {"data": {"train": "/a"}}
MISTAKES = """\
training: {epochs: ten, batch_size: 1.5, optimizer: {type: adm}}
---
training: {optimizer: {type: adam, lerning_rate: 0.1}}
---
{model: {layers: [{type: dense, units: 0}, {type: dropout, rate: 2}], hidden_layers: [3]}, seed: -1}
---
{task: {type: regression, targets: []}, training: {loss: cross_entropy}}
---
{data: [], seed: "3", plugins: a.py}
---
{data: {train: 3, validation: 2, normalize: true}, training: null}
---
{data: {train: {type: npz}}, training: {early_stopping: {monitor: val_los}}}
---
{data: {train: ''}, sed: 3}
"""


def words(error: ConfigError) -> list[str]:
    """The messages without places and excerpts."""
    lines = re.sub(r"(?m)^ +\d* \|.*\n?", "", str(error)).splitlines()
    return [re.sub(r"^config(:\d+:\d+)?: |in config$", "", line) for line in lines]


@pytest.mark.parametrize("text", MISTAKES.split("---\n"))
def test_mistakes_are_those_of_a_file(text: str) -> None:
    mapping = {**DATA, **yaml.safe_load(text)}
    written = yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None)
    with pytest.raises(ConfigError) as of_file:
        parse_config(written.encode(), Path("config"))
    with pytest.raises(ConfigError) as of_python:
        config_of(mapping)
    assert words(of_python.value) == words(of_file.value)
    assert all(line.startswith("config: ") for line in str(of_python.value).splitlines()[:-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": object}, "config: seed must be a whole number, got \"<class 'object'>\""),
        ({"seed": None}, "config: seed must be a whole number, got null"),
        ({"seed": True}, "config: seed must be a whole number, got true"),
        ({1: 2}, "config: unknown key '1'; use"),
        ({"data": {"train": None}}, "config: data.train must be a path or a mapping, got null"),
    ],
)
def test_values_that_yaml_does_not_have(changes: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_of({**DATA, **changes})
    assert str(raised.value).startswith(message)


def test_nesting_has_an_end() -> None:
    loop: dict[str, Any] = {}
    loop["model"] = loop
    with pytest.raises(ConfigError, match="config: is nested more than 20 levels deep"):
        config_of(loop)


def test_paths_tuples_and_numpy_are_plain_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = config_of(
        {
            "data": {"train": Path("x.npz"), "test": "../y.npz"},
            "model": {"hidden_layers": np.array([3, 4])},
            "training": {"optimizer": {"type": "adam", "learning_rate": np.float64(0.1)}},
            "seed": np.int64(3),
        }
    )
    assert given.config.model.hidden_layers == (3, 4)
    assert given.config.seed == 3
    assert given.config.data.train.place == str(tmp_path / "x.npz")
    assert given.config.data.test is not None
    assert given.config.data.test.place == str(tmp_path.parent / "y.npz")

"""The table of scikit-learn's parameters: it has all of them, with their defaults, and our configs
in it are valid."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from code_blocks import ROOT
from sklearn.neural_network import MLPClassifier, MLPRegressor

import mlptrain.sklearn
from mlptrain.config.load import parse_config

PAGE = (ROOT / "docs/from-scikit-learn.md").read_text(encoding="utf-8")
THEIRS = {
    name: parameter.default
    for net in (MLPClassifier, MLPRegressor)
    for name, parameter in inspect.signature(net).parameters.items()
}


class Row(NamedTuple):
    """One line of the table: a parameter, its value, and the lines of a config."""

    name: str
    value: Any
    config: str


def rows() -> list[Row]:
    table = re.search(r"^\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.M)
    assert table is not None
    found = []
    for line in table[1].splitlines():
        first, second, _ = line.strip("|").split("|")
        name, _, value = first.strip(" `").partition("=")
        found.append(Row(name, ast.literal_eval(value), "\n".join(re.findall("`(.*?)`", second))))
    return found


ROWS = rows()
IDS = [f"{row.name}={row.value}" for row in ROWS]


def test_the_table_has_every_parameter_and_no_other() -> None:
    assert {row.name for row in ROWS} == set(THEIRS)
    assert len(THEIRS) == 24


@pytest.mark.parametrize("name", THEIRS)
def test_the_default_is_among_the_values(name: str) -> None:
    assert THEIRS[name] in [row.value for row in ROWS if row.name == name]


@pytest.mark.parametrize("net", [MLPClassifier, MLPRegressor])
def test_our_estimators_have_them_under_the_same_names(net: type) -> None:
    ours = inspect.signature(getattr(mlptrain.sklearn, net.__name__)).parameters
    for name, parameter in inspect.signature(net).parameters.items():
        assert ours[name].default == parameter.default


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_they_take_the_value(row: Row) -> None:
    net = MLPRegressor if row.name == "loss" else MLPClassifier
    net(**{row.name: row.value})._validate_params()


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_config_is_valid(row: Row) -> None:
    data = "" if row.config.startswith("data:") else "data: {train: x}\n"
    text = data + row.config.replace("data: {", "data: {train: x, ")
    config = parse_config(text.encode(), Path("c.yaml")).config
    assert config.data.train.place == str(Path("x").resolve())
    if row.name == "verbose":
        assert row.config == ""
    elif row.config == "":
        pytest.fail(f"{row.name} has no counterpart")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("alpha", "training.l2"),
        ("max_iter", "training.epochs"),
        ("shuffle", "training.shuffle"),
        ("learning_rate_init", "training.optimizer.learning_rate"),
        ("power_t", "training.optimizer.schedule.power_t"),
        ("tol", "training.early_stopping.min_delta"),
        ("momentum", "training.optimizer.momentum"),
        ("nesterovs_momentum", "training.optimizer.nesterov"),
        ("validation_fraction", "data.validation"),
        ("beta_1", "training.optimizer.beta_1"),
        ("beta_2", "training.optimizer.beta_2"),
        ("epsilon", "training.optimizer.epsilon"),
        ("max_fun", "training.optimizer.max_evaluations"),
    ],
)
def test_the_default_is_the_same_number(name: str, key: str) -> None:
    (row,) = [row for row in ROWS if row.name == name]
    text = row.config.replace("data: {", "data: {train: x, ")
    if "train:" not in text:
        text = f"data: {{train: x}}\n{text}"
    value: Any = parse_config(text.encode(), Path("c.yaml")).config
    for part in key.split("."):
        value = getattr(value, part)
    assert value == THEIRS[name]

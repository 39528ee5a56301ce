"""Whatever the bytes: a config or a ConfigError in our words, never anything else, and soon."""

import random
import time
from pathlib import Path
from typing import get_args

import pytest
from pydantic_core.core_schema import ErrorType

from mlptrain.config.explain import _RULES, _SPECIAL
from mlptrain.config.load import parse_config
from mlptrain.errors import ConfigError

BASE = """\
# a comment
data:
  train: ../data/digits/train
  test: {type: idx, images: a, labels: b}
  validation: 0.1
  class_names: [a, "b", 'c']
  image: {mode: grayscale, height: 8, width: 8, formats: [png]}
model:
  layers:
    - {type: dense, units: 128, activation: relu}
    - type: dropout
      rate: 0.2
    - {type: dense, units: 64, activation: {type: leaky_relu, negative_slope: 0.2}}
training:
  batch_size: 32
  optimizer: {type: adam, learning_rate: 1e-3, schedule: {type: cosine, final: 0.1}}
  class_weight: {cat: 2.0}
  early_stopping: {monitor: val_loss, patience: 5}
  loss: cross_entropy
seed: 0
"""
PIECES = [
    *("&a ", "*a", "<<: ", "!!int ", "!x ", "- ", "? ", ": ", "{", "}", "[", "]", ",", "'", '"'),
    *("|\n", ">-\n", "#", "\t", "%YAML 9\n", "---\n", "...\n", "\r", "\r\n", "\n", "\n  ", "\0"),
    *("\x85", "\u2028", "\ufeff", "\U0001f600", "é", "\ud800", "9" * 50, "9" * 5000, "1e999"),
    *("~", "0x", "\\", "\\x", "\\U", '"\\UFFFFFFFF"', ".nan", "null", "true", "-1"),
    *("type", "data", "train", "model"),
]  # fmt: skip
PATHS = [
    *("training.epochs", "model.layers.0.units", "model.layers.1", "model.layers.9", "data.train"),
    *("training.optimizer.schedule.type", "x.y.z", "training.class_weight.cat", "seed", "", "."),
]
FOREIGN = ("Input should", "pydantic", "validation error", "is not valid, got", "\0", "\x1b")


def mutated(random):
    text = BASE[: random.randrange(len(BASE))] if random.random() < 0.2 else BASE
    for _ in range(random.randrange(6)):
        at = random.randrange(len(text) + 1)
        cut = random.choice([0, 0, 1, 1, 2, 5, 20])
        piece = random.choice(PIECES) if random.random() < 0.7 else chr(random.randrange(128))
        text = text[:at] + piece + text[at + cut :]
    return text.encode("utf-8", "surrogatepass")


def soup(random):
    text = "".join(random.choices(PIECES, k=random.randrange(30)))
    return text.encode("utf-8", "surrogatepass")


def noise(random):
    return random.randbytes(random.randrange(60))


def overrides(random):
    def override():
        value = random.choice([*PIECES, "3", "1.5", "abc", "{a: b}", "[1, 2]", "'x'"])
        return random.choice(PATHS) + random.choice(["=", "=", "=", "==", " ", "=["]) + value

    return [override() for _ in range(random.choice([0, 0, 0, 1, 2]))]


def outcome(data, sets):
    """The message of a refusal; None if the config is taken."""
    try:
        parse_config(data, Path("c.yaml"), sets)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(("content", "least_taken"), [(mutated, 5), (soup, 0), (noise, 0)])
def test_only_config_errors_escape(content, least_taken):
    rng = random.Random(20)
    taken = 0
    for _ in range(800):
        data, sets = content(rng), overrides(rng)
        start = time.perf_counter()
        message = outcome(data, sets)
        assert time.perf_counter() - start < 600, (data, sets)  # it does not hang
        assert not any(word in str(message) for word in FOREIGN), (data, sets)
        taken += message is None
    assert least_taken <= taken < 200


# What pydantic can find wrong with the types that definitions are made of.
KINDS = {
    *("missing", "extra_forbidden", "model_type", "model_attributes_type", "dict_type"),
    *("list_type", "tuple_type", "int_type", "int_from_float", "float_type", "finite_number"),
    *("bool_type", "string_type", "literal_error", "greater_than", "greater_than_equal"),
    *("less_than", "less_than_equal", "too_short", "too_long", "string_too_short"),
    *("string_too_long", "value_error", "union_tag_invalid", "union_tag_not_found"),
}


def test_every_kind_of_error_has_its_words():
    pydantics = set(get_args(ErrorType))
    assert pydantics >= KINDS
    assert (set(_RULES) | set(_SPECIAL)) & pydantics == KINDS

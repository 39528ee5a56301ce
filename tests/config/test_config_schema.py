"""Defaults, the two forms of a model, and the choices of a registry."""

from pathlib import Path
from typing import Literal

import pydantic
import pytest

from mlptrain.config.fields import models_in
from mlptrain.config.load import parse_config
from mlptrain.config.schema import Config, EarlyStopping, ModelConfig
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.manifest import Manifest
from mlptrain.errors import ConfigError, DefinitionError
from mlptrain.functions.activations import ReLU, Tanh
from mlptrain.nn.layers import Dense, Dropout
from mlptrain.registry import Definition, Registry


def config(text=""):
    return parse_config(f"data: {{train: x}}\n{text}".encode(), Path("/folder/c.yaml")).config


def test_defaults():
    result = config()
    assert result.data.train.path == "/folder/x"
    assert result.data.test is None
    assert result.data.validation == 0.1
    assert result.data.normalize == "standard"
    assert result.data.on_bad_image == "error"
    assert result.training.batch_size == 32
    assert result.training.epochs == 30
    assert result.training.optimizer.type == "adam"
    assert result.training.loss.type == "cross_entropy"
    assert result.training.class_weight is None
    assert result.training.early_stopping == EarlyStopping(monitor="val_loss", patience=5)
    assert result.training.threads == "auto"
    assert result.seed == 0


def add_models(annotation, found):
    """Add all models that a value of type `annotation` can hold, at any depth."""
    for model in set(models_in(annotation)) - found:
        found.add(model)
        for field in model.model_fields.values():
            add_models(field.annotation, found)


def test_every_key_is_described():
    add_models(Config, found := set())
    assert {Config, ModelConfig, Dense, ReLU} < found
    undescribed = {
        f"{model.__name__}.{name}"
        for model in found
        for name, field in model.model_fields.items()
        if not field.description and name != "type"
    }
    assert undescribed == set()


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("", (Dense(units=100, activation=ReLU()),)),
        ("model: {}", (Dense(units=100, activation=ReLU()),)),
        ("model: {layers: null, hidden_layers: null}", (Dense(units=100, activation=ReLU()),)),
        ("model: {activation: tanh}", (Dense(units=100, activation=Tanh()),)),
        (
            "model: {hidden_layers: [3, 2]}",
            tuple(Dense(units=n, activation=ReLU()) for n in (3, 2)),
        ),
        ("model: {hidden_layers: []}", ()),
        ("model: {layers: []}", ()),
        ("model: {layers: [dropout, {type: dense, units: 3}]}", (Dropout(), Dense(units=3))),
    ],
)
def test_both_forms_of_a_model(text, layers):
    assert config(text).model.hidden() == layers


def test_a_model_made_in_code_is_the_same():
    assert ModelConfig() == config().model


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.5", 0.5),
        ("null", None),
        ("x", Folder(path="/folder/x")),
        ("{type: csv, path: x}", Manifest(path="/folder/x")),
    ],
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_examples_are_a_fraction_a_source_or_null(split, written, expected):
    text = f"data: {{train: x, {split}: {written}}}"
    data = parse_config(text.encode(), Path("/folder/c.yaml")).config.data
    assert getattr(data, split) == expected


@pytest.mark.parametrize("monitor", ["train_loss", "train_accuracy"])
def test_training_can_be_monitored_without_validation(monitor):
    text = f"training: {{early_stopping: {{monitor: {monitor}}}}}\ndata: {{train: x, validation: }}"
    result = parse_config(text.encode(), Path("c.yaml")).config
    assert result.training.early_stopping.monitor == monitor


@pytest.mark.parametrize("validation", ["0.25", "x", "null"])
@pytest.mark.parametrize(
    ("training", "patience"),
    [("", 5), ("training: {epochs: 3}", 5), ("training: {early_stopping: {patience: 2}}", 2),
     ("training: {early_stopping: null}", None), ("training: {early_stopping: }", None)],
)  # fmt: skip
def test_early_stopping_is_on_where_there_is_validation_unless_it_is_null(
    training, patience, validation
):
    text = f"data: {{train: x, validation: {validation}}}\n{training}"
    if validation == "null" and patience == 2:
        with pytest.raises(ConfigError, match="monitors 'val_loss', but"):
            parse_config(text.encode(), Path("c.yaml"))
        return
    stopping = parse_config(text.encode(), Path("c.yaml")).config.training.early_stopping
    expected = None if validation == "null" else patience
    assert (stopping and stopping.patience) == expected


@pytest.mark.parametrize("key", ["data", "model", "training", "seed"])
def test_a_config_cannot_be_changed(key):
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        setattr(config(), key, None)


class Animal(Definition):
    type: str


@pytest.fixture
def registry():
    registry = Registry("animal", Animal)

    @registry.register
    class Cat(Animal):
        type: Literal["cat"] = "cat"

    @registry.register
    class Dog(Animal):
        type: Literal["dog"] = "dog"
        legs: int

    return registry


def test_a_choice_is_a_name_or_a_mapping(registry):
    adapter = pydantic.TypeAdapter(Animal)
    assert adapter.validate_python("cat") == registry["cat"]()
    assert adapter.validate_python({"type": "dog", "legs": 4}) == registry["dog"](legs=4)
    assert adapter.dump_python(registry["dog"](legs=3)) == {"type": "dog", "legs": 3}
    assert adapter.validate_python(registry["cat"]()) == registry["cat"]()


def test_a_choice_grows_with_its_registry(registry):
    """Also one that a model made before holds."""
    adapter = pydantic.TypeAdapter(list[Animal])
    with pytest.raises(pydantic.ValidationError, match="unknown animal"):
        adapter.validate_python(["cow"])

    @registry.register
    class Cow(Animal):
        type: Literal["cow"] = "cow"

    assert adapter.validate_python(["cow", "cat"]) == [Cow(), registry["cat"]()]
    assert "Cow" in adapter.json_schema()["$defs"]


def test_a_choice_within_a_choice(registry):
    @registry.register
    class Herd(Animal):
        type: Literal["herd"] = "herd"
        animals: list[Animal]

    adapter = pydantic.TypeAdapter(Animal)
    written = {"type": "herd", "animals": ["cat", {"type": "herd", "animals": ["dog"]}]}
    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python(written)
    places = [error["loc"] for error in caught.value.errors()]
    assert places == [("\0herd", "animals", 1, "\0herd", "animals", 0, "\0dog", "legs")]
    written["animals"].pop()
    herd = adapter.validate_python(written)
    assert herd == Herd(animals=[registry["cat"]()])
    assert adapter.dump_python(herd) == {"type": "herd", "animals": [{"type": "cat"}]}
    schema = pydantic.TypeAdapter(list[Animal]).json_schema()
    assert schema["$defs"]["Herd"]["properties"]["animals"]["items"] == schema["items"]


@pytest.mark.usefixtures("registry")
def test_a_choice_as_json_schema():
    schema = pydantic.TypeAdapter(list[Animal]).json_schema()
    assert schema["items"]["anyOf"] == [
        {"enum": ["cat"]},
        {"$ref": "#/$defs/Cat", "required": ["type"]},
        {"$ref": "#/$defs/Dog", "required": ["type"]},
    ]


def test_a_name_is_registered_once(registry):
    with pytest.raises(DefinitionError, match="there is animal 'cat' already; name this one"):
        registry.register(registry["cat"])
    assert list(registry) == ["cat", "dog"]
    assert [each.__name__ for each in registry.definitions()] == ["Cat", "Dog"]

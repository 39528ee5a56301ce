"""The resolved config loads as an equal one; the JSON Schema fits what the loader takes."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from mlptrain.config.describe import json_schema, resolved_yaml
from mlptrain.config.load import load_config, parse_config
from mlptrain.config.report import Source
from mlptrain.config.schema import Config
from mlptrain.config.tree import read_tree, value_of
from mlptrain.functions.activations import activations
from mlptrain.functions.losses import losses
from mlptrain.nn.initializers import initializers
from mlptrain.optim.optimizers import optimizers
from mlptrain.tasks.task import tasks

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
VARIANTS = {
    "least": "",
    "early stopping": "training: {early_stopping: {}}",
    "weights": "training: {class_weight: {cat: 2, 'no': 0.5, '1': 3, 'a: b': 1, '': 1, x y: 1}}",
    "no weights": "training: {class_weight: {}}",
    "balanced": "training: {class_weight: balanced, threads: 2}",
    "no layers": "model: {layers: []}",
    "no hidden layers": "model: {hidden_layers: []}",
    "layers": "model: {layers: [{type: dense, units: 3, activation: {type: elu, alpha: 0.5}}]}",
    "many layers": f"model: {{hidden_layers: [{', '.join(map(str, range(1, 60)))}]}}",
    "floats": "training: {optimizer: {type: adamw, epsilon: 1e-30, learning_rate: 1e20}}",
    "seed": "seed: 9223372036854775807",
    **{f"every {name}": f"training: {{optimizer: {name}}}" for name in optimizers},
    **{
        f"every {name}": f"task: {(losses[name].tasks or tuple(tasks))[0]}\n"
        f"training: {{loss: {name}}}"
        for name in losses
    },
    **{f"every {name}": f"task: {name}" for name in tasks},
    **{f"every {name}": f"model: {{activation: {name}}}" for name in activations},
    **{
        f"every {name}": "model:\n  layers:\n    - type: dense\n      units: 3\n"
        f"      kernel_initializer: {name}"
        for name in initializers
    },
}
NAMES = [
    *("no", "Yes", "null", "true", "1", "1e-3", "0x1", "~", " a ", "a: b", "a #b", "- a", "{"),
    *("&a", "*a", "!a", "'", '"', "\\", "a\nb", "a\tb", "日本", "\x7fa", "\x85a", "a\u2028b"),
    *("\ufeffa", "😀", "a\U000e0001", "\xa0a", "T-shirt/top", "Ankle boot"),
    *("2020-01-01", "12:30", "=", "<<"),
]  # fmt: skip


def config(text):
    return parse_config(text.encode(), Path("/somewhere/c.yaml")).config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_load_again(path):
    first = load_config(path).config
    again = config(resolved_yaml(first))
    assert again == first
    assert Config.model_validate(json.loads(json.dumps(first.model_dump(mode="json")))) == first


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_load_again(name):
    first = config("data: {train: ../x}\n" + VARIANTS[name])
    assert config(resolved_yaml(first)) == first
    assert Config.model_validate(first.model_dump(mode="json")) == first


@pytest.mark.parametrize(
    "source",
    ["/x", "/x.csv", "/x.npz", "{type: npz, path: /x, x: 'no', y: b}", "{images: /a, labels: /b}"],
)
def test_sources_load_again(source):
    first = config(f"data: {{train: {source}, test: {source}, validation: {source}}}")
    assert config(resolved_yaml(first)) == first
    assert Config.model_validate(first.model_dump(mode="json")) == first


@pytest.mark.parametrize("name", NAMES)
def test_every_class_name_survives(name):
    first = Config.model_validate(
        {
            "data": {"train": "/x", "class_names": [name, "other"]},
            "training": {"class_weight": {name: 0.1 + 0.2}},
        }
    )
    text = resolved_yaml(first)
    again = config(text)
    assert again == first
    assert again.data.class_names[0] == name
    assert yaml.safe_load(text)["data"]["class_names"][0] == name


def test_every_line_has_a_comment():
    text = resolved_yaml(config("data: {train: x}\ntraining: {early_stopping: {}}"))
    assert [line for line in text.splitlines() if "  # " not in line] == []


def test_every_key_is_there():
    first = config("data: {train: x}\ntraining: {early_stopping: {}}")
    root, _ = read_tree(resolved_yaml(first), Source("text"))
    dumped = first.model_dump(mode="json")
    del dumped["model"]["layers"]  # the form that is not used
    dumped["model"]["activation"] = "relu"  # a choice without settings
    dumped["data"]["train"]["path"] = "/somewhere/x"
    assert value_of(root) == dumped


def test_what_is_printed():
    text = resolved_yaml(config("data: {train: /x}\nmodel: {hidden_layers: [64, 32]}"))
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    start = lines.index("model:")
    assert lines[start : start + 15] == [
        "model:",
        "  hidden_layers: [64, 32]",
        "  activation: relu",
        "training:",
        "  batch_size: 32",
        "  shuffle: true",
        "  epochs: 30",
        "  optimizer:",
        "    type: adam",
        "    learning_rate: 0.001",
        "    schedule:",
        "      type: constant",
        "      warmup_epochs: 0.0",
        "    weight_decay: 0.0",
        "    clip_norm: null",
    ]
    assert "    epsilon: 1.0e-08" in lines
    assert "# sgd | adam | adamw | lbfgs\n" in text
    assert "    - 59\n" in resolved_yaml(config("data: {train: x}\n" + VARIANTS["many layers"]))
    assert "data:                            # the examples\n" in text
    assert "  threads: auto                  # CPU threads, 1 to 1024, or auto\n" in text


def is_valid(text):
    root, _ = read_tree(text, Source("text"))
    validator = jsonschema.Draft202012Validator(json_schema())
    return validator.is_valid(value_of(root))


def test_the_schema_is_one():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "mlptrain config"
    described = json.dumps(schema)
    assert "units of each hidden layer" in described
    assert schema["$defs"]["TrainingConfig"]["properties"]["epochs"]["default"] == 30
    assert "\\u0000" not in described
    json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_fit_the_schema(path):
    assert is_valid(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", ["x", "{path: x.csv}", "{images: a, labels: b}"])
def test_sources_fit_the_schema(source):
    assert is_valid(f"data: {{train: {source}, validation: {source}}}")
    assert config(f"data: {{train: {source}, validation: {source}}}")


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_fit_the_schema(name):
    assert is_valid("data: {train: ../x}\n" + VARIANTS[name])
    assert is_valid(resolved_yaml(config("data: {train: ../x}\n" + VARIANTS[name])))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model: {}",
        "data: x",
        "data: {train: 3}",
        "data: {train: [x]}",
        "data: {train: {type: fodler, path: x}}",
        "data: {train: x, tset: y}",
        "data: {train: x, validation: 1.5}",
        "data: {train: x, normalize: standrd}",
        "data: {train: x}\nmodel: {layers: [dense]}",
        "data: {train: x}\nmodel: {layers: [{units: 3}]}",
        "data: {train: x}\nmodel: {layers: [{type: dense, unist: 3}]}",
        "data: {train: x}\nmodel: {hidden_layers: [0]}",
        "data: {train: x}\nmodel: {hidden_layers: [3], layers: []}",
        "data: {train: x}\nmodel: {hidden_layers: [3], activation: reul}",
        "data: {train: x}\ntraining: {epochs: '3'}",
        "data: {train: x}\ntraining: {optimizer: adma}",
        "data: {train: x}\ntraining: {optimizer: {learning_rate: 1}}",
        "data: {train: x}\ntraining: {optimizer: {type: adam, momentum: 1}}",
        "data: {train: x}\ntraining: {threads: 0}",
        "data: {train: x}\ntraining: {class_weight: {cat: 0}}",
    ],
)
def test_wrong_configs_do_not_fit_the_schema(text):
    assert not is_valid(text)

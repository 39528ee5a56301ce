"""`--set key=value`."""

from pathlib import Path

import pytest

from mlptrain.config.load import parse_config
from mlptrain.errors import ConfigError

BASE = """\
data: {train: x}
model:
  layers:
    - {type: dense, units: 8}
    - dropout
training:
  optimizer: sgd
  early_stopping: null
"""


def config(*overrides, base=BASE):
    return parse_config(base.encode(), Path("c.yaml"), overrides).config


def changed(override, base=BASE):
    """What the one `override` changes, by its path, in the dumped config."""
    before, after = (flat(config(*each, base=base).model_dump()) for each in ((), (override,)))
    return {key: value for key, value in after.items() if before.get(key, "missing") != value}


def flat(tree, path=()):
    if not isinstance(tree, dict | tuple):
        return {".".join(path): tree}
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree)
    parts = [flat(value, (*path, str(key))) for key, value in entries]
    return {key: value for part in parts for key, value in part.items()}


@pytest.mark.parametrize(
    ("override", "changes"),
    [
        ("seed=3", {"seed": 3}),
        ("seed=010", {"seed": 10}),
        ("training.epochs=5", {"training.epochs": 5}),
        ("training.epochs= 5 ", {"training.epochs": 5}),
        ("data.image.height=null", {}),
        ("data.normalize=none", {"data.normalize": "none"}),
        ("data.validation=null", {"data.validation": None}),
        ("data.validation=", {"data.validation": None}),
        ("data.train=/a=b,c", {"data.train.path": "/a=b,c"}),
        ("data.class_names=[a, 'no']", {"data.class_names.0": "a", "data.class_names.1": "no"}),
        ("model.layers.0.units=64", {"model.layers.0.units": 64}),
        ("model.layers.0.activation=relu", {"model.layers.0.activation.type": "relu"}),
        ("model.layers.1.rate=0.25", {"model.layers.1.rate": 0.25}),
        ("training.optimizer.momentum=0.9", {"training.optimizer.momentum": 0.9}),
        ("training.loss.label_smoothing=0.1", {"training.loss.label_smoothing": 0.1}),
        (
            "training.optimizer.schedule.warmup_epochs=2",
            {"training.optimizer.schedule.warmup_epochs": 2.0},
        ),
        ("training.class_weight.cat=2", {"training.class_weight.cat": 2.0}),
    ],
)
def test_changes_this_and_nothing_else(override, changes):
    assert changed(override) == changes


def test_a_choice_left_to_its_default_keeps_its_type():
    optimizer = config("training.optimizer.learning_rate=0.5", base="data: {train: x}").training
    assert (optimizer.optimizer.type, optimizer.optimizer.learning_rate) == ("adam", 0.5)


def test_later_overrides_win_and_build_on_earlier_ones():
    result = config(
        "training.optimizer=adam",
        "training.optimizer.beta_1=0.5",
        "seed=1",
        "seed=2",
    )
    assert (result.training.optimizer.type, result.training.optimizer.beta_1) == ("adam", 0.5)
    assert result.seed == 2


def test_a_config_can_come_from_overrides_alone():
    assert config("data.train=/x", base="").data.train.path == "/x"


def test_a_mistake_in_the_file_can_be_overridden():
    assert config("seed=1", base="data: {train: x}\nseed: one").seed == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=abc", "training.epochs must be a whole number, got 'abc'"),
        (
            "training.epochs='5'",
            "training.epochs must be a whole number, got '5'; remove the quotes",
        ),
        ("training.epocs=3", "unknown key 'epocs' in training; did you mean 'epochs'?"),
        ("training.optimizer=adma", "unknown optimizer 'adma'; did you mean 'adam'?"),
        (
            "training.optimizer.momentun=1",
            "unknown key 'momentun' in training.optimizer; did you mean 'momentum'?",
        ),
        ("training=3", "training must be a mapping of keys to values, got 3"),
        ("training.epochs.x=3", "training.epochs must be a whole number, got a mapping"),
        ("model.layers.2=dropout", "no entry '2' in a list of 2; the first is 0"),
        ("model.layers.-1=dropout", "no entry '-1' in a list of 2; the first is 0"),
        ("model.layers.x.rate=0", "no entry 'x' in a list of 2; the first is 0"),
        ("model.layers.²=dropout", "no entry '²' in a list of 2; the first is 0"),
        ("data.image={mode: rgb, mode: rgb}", "key 'mode' is given twice, keep one"),
        ("seed", "write it as key=value, a.b.c=value"),
        ("=3", "write it as key=value, a.b.c=value"),
        ("x" + ".x" * 20 + "=3", "write it as key=value, a.b.c=value"),
        ("a..b=3", "write it as key=value, a.b.c=value"),
        ("seed=[", "a value is due here"),
        ("seed=!!int 3", "tags (!) are not allowed; the value itself says what type it is"),
        ("seed=" + "1" * 5000, "a number of 5,000 digits; at most 40 are allowed"),
    ],
)
def test_is_refused_by_name(override, message, message_of):
    shown = override if len(override) < 100 else f"{override[:98]}...{override[-98:]}"
    assert message_of(BASE, override) == f"--set {shown}: {message}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.train={type: folder}", "missing key 'path' in data.train"),
        ("data={}", "missing key 'train' in data"),
        (
            "training.optimizer={}",
            "training.optimizer needs a key 'type': 'sgd', 'adam', 'adamw' or 'lbfgs'",
        ),
    ],
)
def test_what_an_override_leaves_out_is_missed_there(override, message, message_of):
    assert message_of(BASE, override) == f"--set {override}: {message}"


def test_control_characters_are_shown_as_escapes(message_of):
    assert message_of(BASE, "seed=\x1b[31m") == (
        "--set seed=\\x1b[31m: the character U+001B is not allowed; remove it"
    )
    assert message_of(BASE, "seed\udcff=1") == (
        "--set seed\\udcff=1: write it as key=value, a.b.c=value"
    )
    assert message_of(BASE, "data.train=\udcff") == (
        "--set data.train=\\udcff: the character U+DCFF is not allowed; remove it"
    )


def test_mistakes_of_the_file_come_first(message_of):
    message = message_of(BASE + "seed: x\n", "training.epochs=0", "dta=1")
    assert message == (
        "c.yaml:9:7: seed must be a whole number, got 'x'\n"
        "    9 | seed: x\n"
        "      |       ^\n"
        "--set training.epochs=0: training.epochs must be at least 1, got 0\n"
        "--set dta=1: unknown key 'dta'; did you mean 'data'?\n"
        "3 errors in c.yaml"
    )


def from_environment(variables, *overrides):
    return parse_config(BASE.encode(), Path("c.yaml"), overrides, environment=variables)


def test_the_environment_sets_keys_below_set():
    variables = {
        "MLPTRAIN_SET__training__optimizer__learning_rate": "0.5",
        "MLPTRAIN_SET__training__optimizer": "adam",  # by its name, the first
        "MLPTRAIN_SET__seed": "7",
        "MLPTRAIN_SET__model__layers__1__rate": "0.25",
        "mlptrain_set__seed": "8",
        "MLPTRAIN_SEED": "9",
    }
    given = from_environment(variables, "seed=1")
    optimizer = given.config.training.optimizer
    assert (optimizer.type, optimizer.learning_rate) == ("adam", 0.5)
    assert (given.config.seed, given.config.model.layers[1].rate) == (1, 0.25)
    assert given.overrides == (
        "model.layers.1.rate=0.25",
        "seed=7",
        "training.optimizer=adam",
        "training.optimizer.learning_rate=0.5",
        "seed=1",
    )
    again = parse_config(BASE.encode(), Path("c.yaml"), given.overrides)
    assert again.config == given.config


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MLPTRAIN_SET__training__epochs", "ten", "training.epochs must be a whole number, got"),
        ("MLPTRAIN_SET__training__epocs", "3", "unknown key 'epocs' in training; did you mean"),
        ("MLPTRAIN_SET__TRAINING__epochs", "3", "unknown key 'TRAINING'; did you mean 'training'"),
        ("MLPTRAIN_SET__seed", "[", "a value is due here"),
        ("MLPTRAIN_SET__seed", "\udcff", "the character U+DCFF is not allowed"),
        ("MLPTRAIN_SET__", "3", "write it as MLPTRAIN_SET__key=value, MLPTRAIN_SET__a__b__c=value"),
        ("MLPTRAIN_SET__a____b", "3", "write it as MLPTRAIN_SET__key=value"),
        ("MLPTRAIN_SET__extends", "x", "extends: only a config file can extend another one"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable, value, message):
    with pytest.raises(ConfigError) as refused:
        from_environment({variable: value})
    shown = value.replace("\udcff", r"\udcff")
    assert str(refused.value).startswith(f"{variable}={shown}: {message}")

"""`extends`: what a config takes from another file, and where mistakes are shown."""

from pathlib import Path
from typing import Any

import pytest
from plugin_loading import forgotten

from mlptrain.config.describe import json_schema, resolved_yaml
from mlptrain.config.load import config_of, load_config, parse_config
from mlptrain.config.schema import Config
from mlptrain.errors import ConfigError
from mlptrain.optim.optimizers import SGD, Adam


def extended(folder: Path, base: str, own: str, *overrides: str) -> Config:
    """The config `own`, which extends `base`, a file in a folder of its own."""
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base/base.yaml").write_text(base)
    (folder / "own.yaml").write_text(f"extends: base/base.yaml\n{own}")
    return load_config(folder / "own.yaml", overrides).config


def learning(optimizer: str) -> str:
    return f"training: {{optimizer: {optimizer}}}"


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ("{type: sgd, momentum: 0.5}", "{learning_rate: 2}", SGD(momentum=0.5, learning_rate=2.0)),
        ("{type: sgd, momentum: 0.5}", "{type: sgd}", SGD(momentum=0.5)),
        ("{type: sgd, momentum: 0.5}", "{momentum: 0.1}", SGD(momentum=0.1)),
        ("{type: sgd, momentum: 0.5}", "{type: adam}", Adam()),
        ("{type: sgd, momentum: 0.5}", "sgd", SGD()),
        ("sgd", "{learning_rate: 2}", SGD(learning_rate=2.0)),
        ("sgd", "{type: adam, learning_rate: 2}", Adam(learning_rate=2.0)),
    ],
)
def test_mappings_are_merged_unless_their_type_differs(
    tmp_path: Path, base: str, own: str, expected: object
) -> None:
    found = extended(tmp_path, f"data: {{train: x}}\n{learning(base)}", learning(own))
    assert found.training.optimizer == expected


def test_lists_and_values_are_replaced(tmp_path: Path) -> None:
    base = "data: {train: x, test: 0.5, validation: y}\nmodel: {hidden_layers: [1, 2]}\nseed: 3"
    own = "data: {test: {type: csv, path: z}, validation: null}\nmodel: {hidden_layers: [4]}"
    found = extended(tmp_path, base, own, "training.epochs=7")
    assert found.data.test.path == str(tmp_path / "z")  # type: ignore[union-attr]
    assert found.data.validation is None
    assert (found.model.hidden_layers, found.seed, found.training.epochs) == ((4,), 3, 7)
    with pytest.raises(ConfigError, match=r"own\.yaml:2:9: .* two forms of the same"):
        extended(tmp_path, base, "model: {layers: []}")
    assert extended(tmp_path, base, "model: {layers: [], hidden_layers: null}").model.layers == ()


@pytest.mark.parametrize("from_far", [False, True])
def test_paths_start_from_the_folder_of_their_file(tmp_path: Path, from_far: bool) -> None:
    base = """
data:
  train: a/train-images-idx3-ubyte
  validation: {type: csv, path: ../b.csv}
training: {init_from: ~/c}
plugins: []
"""
    found = extended(tmp_path, base, "data: {test: d}\ntraining: {init_from: {path: e}}")
    if from_far:
        far = tmp_path / "far/away"
        far.mkdir(parents=True)
        found = load_config(tmp_path / "own.yaml").seen_from(far)
    top = "../.." if from_far else str(tmp_path)
    data: Any = found.data
    assert data.train.images == f"{top}/base/a/train-images-idx3-ubyte"
    assert data.train.labels == f"{top}/base/a/train-labels-idx1-ubyte"
    assert (data.validation.path, data.test.path) == (f"{top}/b.csv", f"{top}/d")
    assert found.training.start().path == f"{top}/e"  # type: ignore[union-attr]
    home = extended(tmp_path, base, "").training.start()
    assert home is not None
    assert home.path == str(Path("~/c").expanduser())


def test_the_result_says_nothing_of_extends(tmp_path: Path) -> None:
    found = extended(tmp_path, "data: {train: x}", "seed: 5")
    text = resolved_yaml(found)
    assert "extends" not in text
    assert parse_config(text.encode(), Path("/c.yaml")).config == found
    assert "extends" not in found.model_dump()
    assert json_schema()["properties"]["extends"]["type"] == "string"
    with pytest.raises(ConfigError, match=r"only a config file can extend another one, here 'x'"):
        config_of({"extends": "x", "data": {"train": "x"}})


def test_a_plugin_of_the_base_is_found_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    lion = (Path(__file__).parents[1] / "plugins/lion.py").read_text()
    (tmp_path / "base/lion.py").write_text(lion)
    base = f"data: {{train: x}}\nplugins: [lion.py]\n{learning('lion')}"
    with forgotten():
        found = extended(tmp_path, base, learning("{learning_rate: 0.5}"))
    assert found.plugins == (str(tmp_path / "base/lion.py"),)
    optimizer: Any = found.training.optimizer
    assert (optimizer.type, optimizer.learning_rate) == ("lion", 0.5)


def test_mistakes_are_shown_in_their_files_together(tmp_path: Path) -> None:
    base = "data: {train: x}\ntraining:\n  epochs: ten\n  extra: &a 1"
    with pytest.raises(ConfigError) as caught:
        extended(tmp_path, base, "seed: -1", "training.l2=-1")
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert [line.partition(" ")[0] for line in lines if line.startswith(("base", "own", "--"))] == [
        "base/base.yaml:3:11:",
        "base/base.yaml:4:3:",
        "base/base.yaml:4:10:",
        "own.yaml:2:7:",
        "--set",
    ]
    assert lines[1:3] == ["    3 |   epochs: ten", "      |           ^^^"]
    assert lines[-1] == "5 errors in own.yaml"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("extends: null", "c.yaml:1:10: extends must be the path of a config file, got null"),
        ("extends: [a]", "c.yaml:1:10: extends must be the path of a config file, got a list"),
        ("extends: 5", "c.yaml:1:10: extends must be the path of a config file, got 5"),
        ("extends: ''", "c.yaml:1:10: extends: a path must not be empty"),
        ("extends: none.yaml", "c.yaml:1:10: extends: none.yaml does not exist"),
        ("extends: c.yaml", "c.yaml:1:10: extends leads back .*: c.yaml -> c.yaml"),
        ("extends: circle.yaml", "circle.yaml:1:10: .*: c.yaml -> circle.yaml -> c.yaml"),
        ("extends: list.yaml", "list.yaml:1:1: a config that another one extends must hold keys"),
        ("extends: large.yaml", "c.yaml:1:10: extends: large.yaml has .* bytes; at most"),
        ("extends: bomb.yaml", "bomb.yaml:1:7: anchors"),
        ("extends: broken.yaml", "broken.yaml:1:5: "),
        ("extends: latin.yaml", "latin.yaml:1:3: the byte 0xe9 is not UTF-8"),
        ("extends: 1.yaml", "8.yaml:1:10: a config extends at most 8 files"),
    ],
)
def test_what_cannot_be_extended_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"c": own, "circle": "extends: c.yaml", "list": "- 1", "large": "#" * (1 << 20) + "##"}
    files |= {"bomb": "seed: &a 1", "broken": "a: ["}
    files |= {str(n): f"extends: {n + 1}.yaml" for n in range(1, 9)}
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text)
    Path("latin.yaml").write_bytes("# é".encode("latin-1"))
    with pytest.raises(ConfigError, match=f"^{message}"):
        load_config(Path("c.yaml"))


def test_eight_files_can_be_extended_one_after_another(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\nseed: {number}")
    (tmp_path / "8.yaml").write_text("seed: 8\ndata: {train: x}")
    found = load_config(tmp_path / "0.yaml").config
    assert (found.seed, found.data.train.type) == (0, "folder")

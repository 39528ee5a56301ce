"""Loading a user's file: what it may do, what is said when it cannot be run, what runs it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugin_loading import forgotten

from mlptrain.autodiff.function import functions
from mlptrain.config.describe import json_schema, resolved_yaml
from mlptrain.config.load import parse_config
from mlptrain.errors import ConfigError
from mlptrain.functions.activations import activations
from mlptrain.paths import UnreadableError
from mlptrain.plugins import load_plugin, loaded_plugins
from mlptrain.registry import registered

HALF = """
from typing import Annotated, Literal
from pydantic import Field
from mlptrain.functions.activations import Activation, activations

@activations.register
class Half(Activation):
    "y = x / 2."
    type: Literal["half"] = "half"
    share: Annotated[float, Field(ge=0, description="of x")] = 0.5

    def forward(self, xp, out, x):
        xp.multiply(x, self.share, out=out)

    def gradient_x(self, xp, out, g):
        "g / 2"
        xp.multiply(g, self.share, out=out)
"""
Load = Callable[[str | bytes], Path]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Runs a plug-in in the file mine.py; after the test nothing of it is left."""

    def run(text: str | bytes) -> Path:
        path = tmp_path / "mine.py"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        load_plugin(str(path))
        return path

    with forgotten():
        yield run


def config(text: str, *overrides: str, folder: Path) -> object:
    given = parse_config(f"data: {{train: x}}\n{text}".encode(), folder / "c.yaml", overrides)
    return given.config.model.activation


def test_what_it_registers_is_a_choice_like_any_other(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown activation 'half'"):
        config("model: {activation: half}", folder=tmp_path)
    load(HALF)
    half = activations["half"]
    assert functions["half"] is half
    assert config("model: {activation: half}", folder=tmp_path) == half()
    written = "model: {activation: {type: half, share: 0.25}}"
    assert config(written, folder=tmp_path) == half(share=0.25)  # type: ignore[call-arg]
    given = parse_config(f"data: {{train: x}}\n{written}".encode(), tmp_path / "c.yaml")
    assert "    share: 0.25" in resolved_yaml(given.config)
    assert "half" in json.dumps(json_schema())
    with pytest.raises(ConfigError, match=r"unknown key 'shar' in .*; did you mean 'share'\?"):
        config("model: {activation: {type: half, shar: 0.25}}", folder=tmp_path)
    with pytest.raises(ConfigError, match=r"model\.activation\.share must be at least 0, got -1"):
        config("model: {activation: {type: half, share: -1}}", folder=tmp_path)


@pytest.mark.usefixtures("load")
def test_a_config_names_its_plugins(tmp_path: Path) -> None:
    """Relative to itself; what they define can be set on the command line, too."""
    (tmp_path / "own.py").write_text(HALF)
    listed, chosen = "plugins: [own.py]\n", "model: {activation: half}"
    given = parse_config(f"data: {{train: x}}\n{listed}{chosen}".encode(), tmp_path / "c.yaml")
    assert given.config.plugins == (str(tmp_path / "own.py"),)
    assert given.plugins == loaded_plugins()
    assert [*given.plugins] == ["own.py"]
    changed = config(listed + chosen, "model.activation.share=0.1", folder=tmp_path)
    assert changed == activations["half"](share=0.1)  # type: ignore[call-arg]
    assert given.seen_from(tmp_path / "runs/a").plugins == ("../../own.py",)


@pytest.mark.usefixtures("load")
def test_plugins_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(HALF)
    half = config(
        "plugins: [gone.py]", "plugins=[own.py]", "model.activation=half", folder=tmp_path
    )
    assert half == activations["half"]()


@pytest.mark.usefixtures("load")
def test_a_plugin_of_the_command_line_joins_those_of_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "own.py").write_text(HALF)
    monkeypatch.chdir(tmp_path)
    written = b"data: {train: x}\nmodel: {activation: half}"
    given = parse_config(written, Path("configs/c.yaml"), plugins=[Path("own.py")])
    assert given.config.plugins == (str(tmp_path / "own.py"),)
    assert given.keys["plugins"] == ["../own.py"]


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (
            "[gone.py]",
            "c.yaml:2:11: the plug-in gone.py does not exist\n"
            "    2 | plugins: [gone.py]\n"
            "      |           ^^^^^^^",
        ),
        (
            "own.py",
            "c.yaml:2:10: plugins must be a list, got 'own.py'\n"
            "    2 | plugins: own.py\n"
            "      |          ^^^^^^",
        ),
        (
            "[3]",
            "c.yaml:2:11: plugins.0 must be text, got 3; put it in quotes: '3'\n"
            "    2 | plugins: [3]\n"
            "      |           ^",
        ),
    ],
)
def test_a_wrong_list_is_refused_in_its_place(listed: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(f"data: {{train: x}}\nplugins: {listed}".encode(), Path("c.yaml"))
    assert str(refused.value) == message


CLASS = (
    "from mlptrain.functions.activations import *\n@activations.register\nclass New({}):\n    {}"
)
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "syntax": ("x = 1\ndef f(:\n", ":2: invalid syntax."),
    "encoding": (b"x = '\xff'\n", ": invalid or missing encoding declaration."),
    "nul": (b"x = 1\0", ": source code string cannot contain null bytes."),
    "import": ("\nimport nothing_such", ":2: ModuleNotFoundError: No module named 'nothing_such'."),
    "exception": ("def f():\n    1 / 0\nf()", ":2: ZeroDivisionError: division by zero."),
    "deeper": ("import json\njson.loads('')", ":2: JSONDecodeError: Expecting value: line 1"),
    "exit": ("import sys\nsys.exit()", ":2: SystemExit."),
    "nothing": ("x = 1", ": registers nothing; decorate a class, as @layers.register."),
    "taken": (
        HALF.replace("half", "relu"),
        ":6: there is activation 'relu' already; name this one differently.",
    ),
    "taken by a function": (
        HALF.replace("half", "matmul"),
        ":6: there is function 'matmul' already; name this one differently.",
    ),
    "kind": (
        CLASS.format("Function", "type: str = 'new'"),
        ":2: New does not derive from Activation.",
    ),
    "name": (
        CLASS.format("Activation", "pass"),
        ':2: New lacks its name in YAML, type: Literal["new"] = "new".',
    ),
    "rules": (
        CLASS.format("Activation", "type: str = 'new'"),
        ":2: New lacks forward, gradient_x.",
    ),
    "abstract": (
        "from mlptrain.optim.schedules import *\n@schedules.register\n"
        "class New(Schedule):\n    type: str = 'new'",
        ":2: New lacks after_warmup, depends_on_epochs.",
    ),
    "pydantic": (
        CLASS.format("Activation", "rate = 3"),
        ":3: PydanticUserError: A non-annotated attribute was detected: `rate = 3`.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_it_is_said_in_one_line(name: str, load: Load, tmp_path: Path) -> None:
    """And what it registered before is forgotten."""
    text, message = BROKEN[name]
    before = registered()
    with pytest.raises(ConfigError) as refused:
        load(text)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'mine.py'}{message}")
    assert "\n" not in said
    assert registered() == before
    assert loaded_plugins() == {}


def test_it_runs_once_and_leaves_nothing_beside_it(load: Load, tmp_path: Path) -> None:
    path = load(HALF)
    load_plugin(str(path))
    assert [each.name for each in tmp_path.iterdir()] == ["mine.py"]
    with pytest.raises(ConfigError, match="is the second plug-in of this name, after "):
        load(HALF + "\n")


def test_what_is_no_file_cannot_be_run(load: Load, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.py"):
        with pytest.raises(UnreadableError):
            load_plugin(str(path))
    with pytest.raises(UnreadableError, match="1,048,576"):
        load(" " * (1 << 20) + "x")

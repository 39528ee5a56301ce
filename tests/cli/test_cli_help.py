import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from tool_process import COMMAND, ROOT, environment, run

import mlptrain
from mlptrain.cli.app import COMMANDS

NAMES = tuple(COMMANDS)
WHAT_LOADS = """
import sys
from mlptrain.cli.app import main
sys.argv = ["mlptrain", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([c, "--help"] for c in NAMES)])
def test_help_fits_a_terminal_and_names_the_tool(arguments: list[str], tmp_path: Path) -> None:
    ended = run(*arguments, cwd=tmp_path, env={"COLUMNS": "80"})
    command = arguments[0] if arguments[0] in NAMES else ""
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: mlptrain {command}".strip())
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "arguments"), [("train", "CONFIG"), ("eval", "[RUN]"), ("predict", "FILE...")]
)
def test_the_usage_line_is_in_the_common_notation(
    command: str, arguments: str, tmp_path: Path
) -> None:
    first = run(command, "--help", cwd=tmp_path).out.partition("\n")[0]
    assert first == f"Usage: mlptrain {command} [OPTIONS] {arguments}"


@pytest.mark.parametrize("module", ["mlptrain", "mlptrain.__main__", "mlptrain.cli.app"])
def test_it_runs_as_a_module(module: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module, "predict"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "mlptrain predict: FILE is missing. See mlptrain predict --help.\n"


def test_help_says_what_the_exit_codes_mean_and_lists_every_command(tmp_path: Path) -> None:
    text = " ".join(run("--help", cwd=tmp_path).out.split())
    assert all(f"{code} " in text for code in range(9))
    assert "129/130/143" in text
    assert all(f" {command} " in text for command in NAMES)
    assert "..." not in text.partition("Commands:")[2], "a command's first sentence is cut off"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["train", "-h"], ["predict", "-h"]]
)
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WHAT_LOADS, *arguments],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(ended.stderr.split())
    assert "typer" in loaded
    assert not loaded & {"numpy", "rich", "yaml", "PIL", "safetensors", "threadpoolctl"}
    if len(arguments) == 1:  # for a command's help, typer itself asks pydantic about its types
        assert "pydantic" not in loaded


def test_predict_loads_only_what_it_needs(trained: Path) -> None:
    """It starts once per image in a shell script. NumPy loads a part when it is first named, also
    in an annotation that is not quoted."""
    ended = subprocess.run(
        [sys.executable, "-c", WHAT_LOADS, "predict", "data/test/top/000.png"],
        cwd=trained, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(ended.stderr.split())
    assert "PIL.Image" in loaded
    assert not loaded & {"yaml", "numpy.random", "numpy.polynomial", "PIL.TiffImagePlugin"}


@pytest.mark.parametrize("train", ["data/train", "arrays.npz"])
def test_train_and_eval_load_no_masked_arrays(project: Path, train: str) -> None:
    """As numpy.unique does, which takes a tenth of their start."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 4), np.uint8)
    np.savez(project / "arrays.npz", x=pixels, y=np.arange(20) % 2)
    changes = ["--set", f"data.train={train}", "--set", "data.test=null"]
    for arguments in (["train", "tiny.yaml", *changes], ["eval", "--split", "validation"]):
        ended = subprocess.run(
            [sys.executable, "-c", WHAT_LOADS, *arguments],
            cwd=project, env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        loaded = set(ended.stderr.split())
        assert "numpy" in loaded
        assert "numpy.ma" not in loaded


def test_version_is_the_package_s(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).out == f"mlptrain {mlptrain.__version__}\n"


def test_schema_is_a_json_schema_that_the_example_configs_satisfy(tmp_path: Path) -> None:
    ended = run("schema", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    schema = json.loads(ended.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    assert len(configs) >= 4
    for config in configs:
        text = re.sub(r"\b(\d+)e-(\d+)", r"\1.0e-\2", config.read_text())  # PyYAML knows 1.1 only
        validator.validate(yaml.safe_load(text))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"data": {"train": "x"}, "model": {"hidden_layers": [64]}, "sed": 1})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "did you mean 'train'?"),
        ([], "Usage: mlptrain"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str], said: str, tmp_path: Path) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("arguments", [["--help"], ["train", "-h"], ["schema"]])
def test_python_without_docstrings_shows_the_same(arguments: list[str], tmp_path: Path) -> None:
    usual = run(*arguments, cwd=tmp_path)
    assert usual.code == 0
    assert run(*arguments, cwd=tmp_path, env={"PYTHONOPTIMIZE": "2"}, command=COMMAND) == usual

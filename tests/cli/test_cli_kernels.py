"""Which kernels a run uses: what `info` says, what the environment insists on, what is resumed."""

import json
import os
from pathlib import Path

import pytest
from tool_process import run

from mlptrain.backend.compiled import CompiledBackend, UnavailableError

NUMPY = {"MLPTRAIN_KERNELS": "numpy"}
COMPILED = {"MLPTRAIN_KERNELS": "compiled"}
UNSET = {"MLPTRAIN_KERNELS": ""}
# The tool as it is where no C compiler was at hand.
WITHOUT = """
from mlptrain.backend import compiled
compiled.find_spec = lambda _: None
from mlptrain.cli.app import main
main()
"""


def available() -> bool:
    try:
        CompiledBackend()
    except UnavailableError:
        return False
    return True


needs_kernels = pytest.mark.skipif(not available(), reason="no compiled kernels")


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("compiled", marks=needs_kernels)])
def test_info_names_kernels_versions_and_threads(kernels: str, tmp_path: Path) -> None:
    env = {"MLPTRAIN_KERNELS": kernels}
    lines = run("info", cwd=tmp_path, env=env).out.splitlines()
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    found = json.loads(run("info", "--json", cwd=tmp_path, env=env).out)
    assert shown == {name: str(value) for name, value in found.items()}
    assert found["kernels"] == kernels
    assert 1 <= found["threads"] == found["cores"] <= found["processors"] == os.cpu_count()
    assert {"mlptrain", "python", "numpy", "blas", "machine", "device", "pillow"} <= set(shown)


def test_without_a_compiler_one_line_says_so(project: Path) -> None:
    ended = run("train", "tiny.yaml", cwd=project, env=UNSET, program=WITHOUT)
    assert ended.code == 0
    notes = [line for line in ended.err.splitlines() if "kernels" in line]
    assert len(notes) == 1
    assert "takes a C compiler" in notes[0]
    shown = run("info", cwd=project, env=UNSET, program=WITHOUT).out
    assert "takes a C compiler" in shown
    chosen = run("train", "tiny.yaml", cwd=project, env=NUMPY, program=WITHOUT)
    assert "kernels" not in chosen.err


def test_what_is_insisted_on_and_not_there_is_an_error(project: Path) -> None:
    ended = run("train", "tiny.yaml", cwd=project, env=COMPILED, program=WITHOUT)
    assert ended.code == 2
    assert ended.err.startswith("MLPTRAIN_KERNELS: no compiled kernels: ")
    ended = run("train", "tiny.yaml", cwd=project, env={"MLPTRAIN_KERNELS": "fast"})
    assert ended.code == 2
    assert ended.err == (
        "MLPTRAIN_KERNELS: must be compiled or numpy, got 'fast'. Correct or unset it.\n"
    )
    assert not (project / "runs").exists()


def train(project: Path, name: str, epochs: int, env: dict[str, str], *more: str) -> str:
    """Train in the run folder `name` to `epochs`; returns what it wrote to stderr."""
    ended = run(
        "train", "tiny.yaml", "--run-dir", name, "--set", f"training.epochs={epochs}", *more,
        cwd=project, env=env,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return ended.err


@needs_kernels
def test_resume_goes_on_with_the_kernels_of_the_run(project: Path) -> None:
    train(project, "whole", 4, NUMPY)
    train(project, "parts", 2, NUMPY)
    assert "rounding" not in train(project, "parts", 4, UNSET, "--resume")
    last = "last.safetensors"
    assert (project / "parts" / last).read_bytes() == (project / "whole" / last).read_bytes()
    assert json.loads((project / "parts/summary.json").read_text())["kernels"] == "numpy"


@needs_kernels
def test_resume_with_other_kernels_says_that_it_rounds_differently(project: Path) -> None:
    train(project, "run", 2, COMPILED)
    notes = train(project, "run", 4, NUMPY, "--resume")
    assert "trained with compiled kernels, so what follows differs" in notes

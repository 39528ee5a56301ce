"""What a shell's Tab key gets."""

from pathlib import Path

import pytest
from tool_process import run

from mlptrain.cli.app import COMMANDS


def completed(line: str, cwd: Path) -> list[str]:
    """What bash is offered for the last word of `line`; nothing: names of files."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    ended = run(cwd=cwd, env={**words, "_MLPTRAIN_COMPLETE": "complete_bash"})
    assert (ended.code, ended.err) == (0, "")
    return ended.out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mlptrain ", list(COMMANDS)),
        ("mlptrain tr", ["train"]),
        ("mlptrain train --res", ["--resume"]),
        ("mlptrain predict x.png --form", ["--format", "--formats"]),
        ("mlptrain eval --split t", ["train", "test"]),
        ("mlptrain train ", []),
        ("mlptrain train conf", []),
        ("mlptrain eval --min accuracy=1 ru", []),
        ("mlptrain predict --model ru", []),
    ],
)
def test_commands_options_and_choices_are_offered_and_else_files(
    line: str, words: list[str], tmp_path: Path
) -> None:
    assert completed(line, tmp_path) == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_shown(shell: str, tmp_path: Path) -> None:
    env = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    ended = run("--show-completion", shell, cwd=tmp_path, env=env)
    assert (ended.code, ended.err) == (0, "")
    assert f"_MLPTRAIN_COMPLETE=complete_{shell}" in ended.out

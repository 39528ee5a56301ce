"""Names are data: nothing that is printed makes a terminal or a CI log do anything."""

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from tiny_project import CLASSES, draw_split
from tool_process import Ended, control_characters, run

NAMES = dict(zip(("::error file=x::boom", "x##[error]boom", "=1+1"), CLASSES, strict=True))
BAD = "\x1b[31mred\x9b2J\u202e\n::warning::bad.png"
CONFIG = "::stop-commands::x.yaml"
SET = ("--set", "data.cache=false")
# What GitHub's runner obeys: `::` where a line begins, spaces aside, and `##[` anywhere.
OBEYED = re.compile(r"^\s*::|##\[", re.MULTILINE)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose classes, config, run folder and images are called like commands."""
    place = tmp_path_factory.mktemp("nasty")
    draw_split(place / "data/train", 16, NAMES)
    draw_split(place / "data/test", 8, NAMES, seed=1)
    shutil.copy(place / "data/test/=1+1/000.png", place / BAD)
    shutil.copy(place / "data/test/=1+1/000.png", place / "::debug::x.png")
    shutil.copy(place / "data/test/=1+1/000.png", place / "=1+1.png")
    (place / "::error::.png").write_bytes(b"no image")
    (place / CONFIG).write_text(
        "data: {train: data/train, test: data/test}\nmodel: {hidden_layers: [4]}\n"
        "training: {epochs: 2, threads: 1}\n"
    )
    assert safe(run("train", CONFIG, "--run-dir", "::run", cwd=place)).code == 0
    return place


def safe(ended: Ended) -> Ended:
    assert control_characters(ended.out + ended.err) == set()
    assert not set(map(chr, range(0x80, 0xA0))) & set(ended.out + ended.err)
    assert not OBEYED.search(ended.out.replace("\r", "\n"))
    assert not OBEYED.search(ended.err.replace("\r", "\n"))
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["eval", "::run"], 0),
        (["eval", "::run", "--json"], 0),
        (["eval", "::run", "--min", "x\n::error::y=1"], 2),
        (["eval", "::run", "--data", "\n::error::y"], 3),
        (["eval", "::gone\n::error::"], 4),
        (["eval", "::run", "--split", "::error::\x1b"], 2),
        (["predict", "::gone.png", "--model", "::run"], 3),
        (["predict", "::error::.png", BAD, "--model", "::run"], 3),
        (["predict", "::debug::x.png", "--model", "::run", "--format", "\n::error::x"], 2),
        (["predict", "\x1b[31m::*", "--model", "::run"], 2),
        (["train", "::gone.yaml"], 2),
        (["train", CONFIG, "--run-dir", "::run"], 7),
        (["train", CONFIG, "--print-config", "--set", "data.test=##[error]x"], 0),
        (["train", CONFIG, "--set", "\n::error::x=1"], 2),
        (["train", CONFIG, "--set", "seed=\n ::error::x"], 2),
        (["\n::error::x"], 2),
        (["train", "x.yaml", "\x1b]0;x\x07"], 2),
        (["--\n::error::x"], 2),
    ],
)  # fmt: skip
def test_no_line_is_a_command(nasty: Path, arguments: list[str], code: int) -> None:
    assert safe(run(*arguments, cwd=nasty)).code == code


@pytest.mark.parametrize("form", ["--format=table", "--format=csv", "--json"])
def test_predictions_name_what_they_are_of(nasty: Path, form: str) -> None:
    images = [BAD, "::debug::x.png", "=1+1.png", "data/test"]
    ended = safe(run("predict", *images, "--model", "::run", form, cwd=nasty))
    assert (ended.code, ended.err) == (0, "")
    shown = [r"\x1b[31mred\x9b2J\u202e\n::warning::bad.png", r"\x3a:debug::x.png", "=1+1.png"]
    lines = ended.out.splitlines()
    if form == "--json":  # exact
        rows = list(map(json.loads, lines))
        assert [row["path"] for row in rows[:3]] == images[:3]
        assert {row["label"] for row in rows} <= set(NAMES)
    elif form == "--format=csv":
        cells = list(csv.reader(io.StringIO(ended.out)))[1:]
        assert [row[0] for row in cells[:3]] == shown
        assert {row[1] for row in cells} <= {
            r"\x3a:error file=x::boom", r"x\x23#[error]boom", "=1+1"
        }  # fmt: skip
        assert len(cells) == len(lines) - 1
    else:
        assert [line.split("   ")[0].rstrip() for line in lines[:3]] == shown


def test_json_is_exact(nasty: Path) -> None:
    ended = run("eval", "::run", "--json", cwd=nasty)
    assert {each["name"] for each in json.loads(ended.out)["classes"]} == set(NAMES)


def test_a_command_to_paste_reaches_what_it_names(nasty: Path) -> None:
    ended = run("train", CONFIG, "--run-dir", "a '\x1b##[b", *SET, cwd=nasty)
    *_, following = safe(ended).out.splitlines()
    command = following.removeprefix("next     mlptrain ").partition("   ")[0]
    paste = ("bash", "-c", f'exec "$0" -m mlptrain {command}')
    assert run(sys.executable, cwd=nasty, command=paste).code == 0

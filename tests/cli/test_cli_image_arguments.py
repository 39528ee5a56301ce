"""Wherever the user names a path: one that may not be looked at is one line, and no traceback."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_project import CLASSES
from tool_process import Ended, run

RUN = "runs/tiny-001"
GOOD = "data/test/top/000.png"
LONG = "a" * 300
UNREADABLE = {
    "locked/in": "Permission denied",
    LONG: "File name too long",
    "/".join(["a" * 100] * 50): "File name too long",
    "locked": "Permission denied",
    "loop/x": "Too many levels of symbolic links",
}


# Without root's right to pass over permissions: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
AS_A_PLAIN_USER = """
import ctypes
libc, me = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0)
sets = (ctypes.c_uint32 * 6)()
assert libc.capget(me, sets) == 0
for index in range(3):
    sets[index] &= ~0b110
assert libc.capset(me, sets) == 0
from mlptrain.cli.app import main
main()
"""
WITHOUT_A_FOLDER = """
import os, sys
os.rmdir(os.getcwd())
from mlptrain.cli.app import main
main()
"""


def plain(*arguments: str, cwd: Path, **env: str) -> Ended:
    """How this command line ends for a user without a right to what is locked."""
    ended = run(*arguments, cwd=cwd, env=env, program=AS_A_PLAIN_USER)
    assert "Traceback" not in ended.err
    return ended


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """A project with a trained run, a folder without rights and a link to itself."""
    shutil.copytree(trained, tmp_path / "place", symlinks=True)
    folder = tmp_path / "place"
    (folder / "locked/in").mkdir(parents=True)
    shutil.copy(folder / GOOD, folder / "locked/in/a.png")
    (folder / "loop").symlink_to("loop")
    (folder / "locked").chmod(0)
    yield folder
    (folder / "locked").chmod(0o700)


@pytest.mark.parametrize(
    "path",
    UNREADABLE,
    ids=["below one without rights", "long name", "long path", "without rights", "loop"],
)
def test_one_line_with_the_reason(place: Path, path: str) -> None:
    commands = {
        ("train", f"{path}/config.yaml"): 2,
        ("train", "tiny.yaml", "--run-dir", path): 6,
        ("train", "tiny.yaml", "--run-dir", path, "--resume"): 6,
        ("eval", path): 4,
        ("predict", GOOD, "--model", path): 4,
        ("eval", RUN, "--data", path): 3,
        ("train", "tiny.yaml", "--set", f"data.train={path}/images.csv"): 3,
        ("train", "tiny.yaml", "--set", f"data.validation={path}/x.npz"): 3,
        ("train", "tiny.yaml", "--set", f"data.test={path}/x-images-idx3-ubyte"): 3,
    }
    for arguments, code in commands.items():
        ended = plain(*arguments, cwd=place)
        assert (ended.code, ended.out) == (code, ""), (arguments, ended.err)
        assert UNREADABLE[path] in ended.err.splitlines()[0], arguments


def test_bad_entries_of_a_manifest_are_named(place: Path) -> None:
    rows = [f"data/train/{name}/{index:03d}.png,{name}" for name in CLASSES for index in range(8)]
    rows += [f"{path},left" for path in UNREADABLE]
    (place / "all.csv").write_text("filepath,label\n" + "\n".join(rows) + "\n")
    ended = plain("train", "tiny.yaml", "--set", "data.train=all.csv", cwd=place)
    assert ended.code == 3
    for path, reason in UNREADABLE.items():
        assert f"{path}: cannot be read: {reason}\n" in ended.err
    assert "5 of 29 images cannot be used" in ended.err


def test_predict_names_what_it_cannot_read_and_goes_on(place: Path) -> None:
    """Also a folder, and one inside another."""
    (place / "mixed/closed").mkdir(parents=True)
    shutil.copy(place / GOOD, place / "mixed/a.png")
    (place / "mixed/closed").chmod(0)
    arguments = [*UNREADABLE, "locked/*.png", "mixed", GOOD]
    ended = plain("predict", *arguments, "--model", RUN, "--format", "csv", cwd=place)
    assert ended.code == 3
    reasons = UNREADABLE | dict.fromkeys(["locked/*.png", "mixed/closed"], "Permission denied")
    *lines, last = ended.err.splitlines()
    assert lines == [f"{path}: cannot be read: {reason}" for path, reason in reasons.items()]
    assert last == "7 of 9 images could not be read."
    assert [row.split(",")[0] for row in ended.out.splitlines()[1:]] == ["mixed/a.png", GOOD]


def test_runs_that_may_not_be_looked_at(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other").chmod(0)
    ended = plain("predict", GOOD, cwd=place)
    assert ended.err == f"using the latest run: {RUN}\n"
    (place / "runs").chmod(0)
    for arguments, code in {("predict", GOOD): 4, ("train", "tiny.yaml"): 6}.items():
        ended = plain(*arguments, cwd=place)
        assert (ended.code, ended.err) == (code, "runs: cannot be read: Permission denied.\n")
    (place / "runs").chmod(0o700)


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_a_cache_that_may_not_be_looked_at_costs_only_time(
    place: Path, thousands: Path, variable: str
) -> None:
    unset = {"XDG_CACHE_HOME": "", "HOME": "/"}
    env = {**unset, variable: str(place / "locked")}
    ended = plain("eval", RUN, "--data", str(thousands), cwd=place, **env)
    assert ended.code == 0
    line, copies, trained_on = ended.err.splitlines()
    assert "images are copies of others" in copies
    assert "they are left out" in trained_on
    assert "could not be kept here: Permission denied. " in line
    assert "Free some space" not in line


def test_a_current_folder_that_is_gone(place: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for arguments, code, said in (
        (("predict", str(place / GOOD)), 4, "there is no trained run"),
        (("predict", GOOD, "--model", str(place / RUN)), 3, f"{GOOD}: does not exist"),
        (("train", "tiny.yaml"), 2, "tiny.yaml: does not exist"),
        (("train", str(place / "tiny.yaml")), 6, "could not be written: No such file"),
    ):
        ended = run(*arguments, cwd=gone, program=WITHOUT_A_FOLDER)
        assert ended.code == code, ended.err
        assert said in ended.err
        assert "Traceback" not in ended.err
        gone.mkdir()

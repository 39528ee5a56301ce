"""How names and paths are shown."""

import os
from pathlib import Path

import pytest

from mlptrain.text import show_name, show_path


def test_paths_are_shown_without_control_characters() -> None:
    name = os.fsdecode(b"a[/b]\xff\x1b[31m\n") + "é\u202e"
    assert show_path(name) == r"a[/b]\xff\x1b[31m\né\u202e"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a/b/c/data/train", "data/train"),
        ("/a/b/data", "/a/b/data"),
        ("/a/data", "/a/data"),
        ("../../../usr/share/x", "/usr/share/x"),
        ("/usr/share/x", "/usr/share/x"),
        ("../x", "../x"),
        ("x/y", "x/y"),
        ("./x", "./x"),
        ("/a/b/c/link/../x", "/a/b/c/link/../x"),
        ("", ""),
    ],
)
def test_a_path_is_shown_in_its_shorter_spelling(
    path: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getcwd", lambda: "/a/b/c")
    assert show_path(path) == shown


def test_a_path_is_shown_where_the_current_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert show_path("/usr/share/x") == "/usr/share/x"


def test_a_name_that_looks_like_a_path_stays_as_it_is() -> None:
    assert show_name("../../../usr/share/x") == "../../../usr/share/x"

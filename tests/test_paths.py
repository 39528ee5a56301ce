"""One way to look at a path, with one error."""

import os
from pathlib import Path

import pytest

from mlptrain.errors import FileSystemError
from mlptrain.paths import (
    UnreadableError,
    folders_in,
    is_folder,
    look,
    names_in,
    read_file,
    reported,
)

LONG = "a" * 300
DEEP = "/".join(["a" * 100] * 50)


@pytest.mark.parametrize("name", ["gone", "gone/x", "file/x", "dangling"])
def test_where_nothing_is_there_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("gone")
    assert look(tmp_path / name) is None
    assert not is_folder(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (LONG, "cannot be read: File name too long"),
        (DEEP, "cannot be read: File name too long"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("loop/x", "cannot be read: Too many levels of symbolic links"),
        ("a\0b", "is not a possible file name"),
    ],
)
def test_what_cannot_be_looked_at_has_one_error(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / name
    for one_look in (look, is_folder, lambda path: read_file(str(path), 10)):
        with pytest.raises(UnreadableError, match=f"^{reason}$"):
            one_look(path)
    with (
        pytest.raises(FileSystemError, match=f": {reason}.$"),
        reported(path, FileSystemError),
    ):
        look(path)


def test_what_is_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    assert sorted(names_in(tmp_path)) == ["file", "folder", "link", "loop", "pipe"]
    assert sorted(folders_in(tmp_path)) == ["folder", "link"]
    for listing in (names_in, folders_in):
        with pytest.raises(UnreadableError, match="Not a directory"):
            listing(tmp_path / "file")
        with pytest.raises(UnreadableError, match="does not exist"):
            listing(tmp_path / "gone")

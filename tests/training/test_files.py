"""The one place that writes files: whole, durable, and only where it should."""

import errno
import os
from pathlib import Path

import pytest

from mlptrain import files
from mlptrain.errors import FileSystemError, RunFolderError
from mlptrain.files import System


class Recorded(System):
    """Notes the order of the calls, by file."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.names: dict[int, str] = {}

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        descriptor = super().open(path, flags, mode)
        self.names[descriptor] = path.name
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        self.calls.append(("write", self.names[descriptor]))
        return super().write(descriptor, data[:3])  # a system may write less than it is given

    def fsync(self, descriptor: int) -> None:
        self.calls.append(("fsync", self.names[descriptor]))
        super().fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self.calls.append(("replace", f"{source.name} {target.name}"))
        super().replace(source, target)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    system = Recorded()
    monkeypatch.setattr(files, "system", system)
    return system


def test_a_file_is_durable_before_it_has_its_name(recorded: Recorded, tmp_path: Path) -> None:
    files.write_whole(tmp_path / "a", b"12345")
    assert recorded.calls == [
        ("write", ".a.tmp"),
        ("write", ".a.tmp"),
        ("fsync", ".a.tmp"),
        ("replace", ".a.tmp a"),
        ("fsync", tmp_path.name),
    ]
    assert (tmp_path / "a").read_bytes() == b"12345"


def test_a_line_and_the_name_of_its_file_are_durable(recorded: Recorded, tmp_path: Path) -> None:
    for line in (b"1", b"2"):
        files.append_line(tmp_path / "a", line)
    assert recorded.calls == [
        ("write", "a"), ("fsync", "a"), ("fsync", tmp_path.name), ("write", "a"), ("fsync", "a"),
    ]  # fmt: skip
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"


def test_every_new_folder_is_durable(recorded: Recorded, tmp_path: Path) -> None:
    assert files.make_folder(tmp_path / "a" / "b" / "c")
    assert recorded.calls == [("fsync", tmp_path.name), ("fsync", "a"), ("fsync", "b")]
    assert not files.make_folder(tmp_path / "a" / "b" / "c")


@pytest.mark.parametrize(
    ("lines", "count", "left"),
    [(b"", 0, b""), (b"1\n2\n3\n", 2, b"1\n2\n"), (b"1\n2\n3", 2, b"1\n2\n"), (b"1", 0, b"")],
)
def test_lines_after_the_last_kept_go(
    tmp_path: Path, lines: bytes, count: int, left: bytes
) -> None:
    (tmp_path / "a").write_bytes(lines)
    files.keep_lines(tmp_path / "a", count)
    assert (tmp_path / "a").read_bytes() == left


@pytest.mark.parametrize(("lines", "count"), [(b"", 1), (b"1\n2", 2), (None, 1)])
def test_lines_that_are_missing_are_an_error(
    tmp_path: Path, lines: bytes | None, count: int
) -> None:
    if lines is not None:
        (tmp_path / "a").write_bytes(lines)
    with pytest.raises(RunFolderError, match=rf"whole lines, but .* counts {count}"):
        files.keep_lines(tmp_path / "a", count)


def test_a_link_that_comes_in_between_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between the look at a name and the opening of it."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "a").symlink_to("victim")
    monkeypatch.setattr(files, "_require_plain", lambda _: None)
    with pytest.raises(FileSystemError, match="symbolic links"):
        files.append_line(tmp_path / "a", b"1")
    assert (tmp_path / "victim").read_text() == "precious"


def test_an_error_while_locked_is_not_the_lock_s(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), files.locked(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_full_disk_is_named_with_what_was_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Full(System):
        def write(self, descriptor: int, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_bytes(b"before")
    monkeypatch.setattr(files, "system", Full())
    with pytest.raises(FileSystemError) as error:
        files.write_whole(tmp_path / "a", bytes(12345))
    message = str(error.value)
    assert message.startswith(
        f"{tmp_path}/a: could not be written: No space left on device. 12,345"
    )
    assert message.endswith("are free. Free some space, then go on with --resume.")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"before"}

"""The one place that writes files: whole, durable, and only where it should."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mlptrain import files
from mlptrain.errors import FileSystemError, RunFolderError
from mlptrain.system import System


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


def test_a_removal_is_durable(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    files.remove(tmp_path / "a")
    assert recorded.calls == [("fsync", tmp_path.name)]
    assert not (tmp_path / "a").exists()


class Foreign(System):
    """A file system that answers `code` when a folder, or with `files_too` a file, is to be made
    durable, and `lock_code` when a file is to be locked."""

    def __init__(self, code: int = 0, lock_code: int = 0, *, files_too: bool = False) -> None:
        self.code, self.lock_code, self.files_too = code, lock_code, files_too

    def fsync(self, descriptor: int) -> None:
        if self.code and (self.files_too or stat.S_ISDIR(os.fstat(descriptor).st_mode)):
            raise OSError(self.code, os.strerror(self.code))
        super().fsync(descriptor)

    def flock(self, descriptor: int, kind: int) -> None:
        if self.lock_code:
            raise OSError(self.lock_code, os.strerror(self.lock_code))
        super().flock(descriptor, kind)


def write_all_ways(folder: Path) -> None:
    files.make_folder(folder / "b" / "c")
    files.write_whole(folder / "a", b"1")
    files.append_line(folder / "lines", b"1")
    files.remove(folder / "a")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_fsync_folders_is_written_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    monkeypatch.setattr(files, "system", Foreign(code))
    write_all_ways(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"b", "lines"}
    monkeypatch.setattr(files, "system", Foreign(code, files_too=True))
    with pytest.raises(FileSystemError, match=os.strerror(code)):
        files.write_whole(tmp_path / "a", b"1")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_every_other_error_of_a_folder_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    monkeypatch.setattr(files, "system", Foreign(code))
    with pytest.raises(FileSystemError, match=os.strerror(code)):
        files.write_whole(tmp_path / "a", b"1")


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP])
def test_a_file_system_without_locks_is_told_from_one_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    with files.locked(tmp_path) as held:
        assert held
    monkeypatch.setattr(files, "system", Foreign(lock_code=code))
    with files.locked(tmp_path) as held:
        assert not held
    files.refuse_locked(tmp_path)


def test_a_lock_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "system", Foreign(lock_code=errno.EIO))
    with pytest.raises(FileSystemError, match="Input/output error"), files.locked(tmp_path):
        pass


def test_a_line_that_does_not_fit_leaves_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Full(System):
        def write(self, descriptor: int, data: memoryview) -> int:
            if len(data) < 8:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(descriptor, data[:4])

    (tmp_path / "a").write_bytes(b"first\n")
    monkeypatch.setattr(files, "system", Full())
    with pytest.raises(FileSystemError, match="No space left"):
        files.append_line(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"first\n"


def take(lock: Path) -> None:
    with files.locked(lock.parent):
        pass


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a", lambda path: files.append_line(path, b"3")),
        ("a", lambda path: files.keep_lines(path, 1)),
        (".lock", take),
    ],
    ids=["append", "cut", "lock"],
)
def test_a_file_of_two_names_is_not_written_in_place(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    (tmp_path / "victim").write_bytes(b"1\n2\n")
    (tmp_path / name).hardlink_to(tmp_path / "victim")
    with pytest.raises(FileSystemError, match=rf"{name}: has 2 names \(hard links\)"):
        write(tmp_path / name)
    assert (tmp_path / "victim").read_bytes() == b"1\n2\n"


def test_a_file_of_two_names_is_replaced_under_one(tmp_path: Path) -> None:
    """As in a backup made with cp -al."""
    (tmp_path / "backup").write_bytes(b"old")
    (tmp_path / "a").hardlink_to(tmp_path / "backup")
    files.write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "backup").read_bytes() == b"old"


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
    assert message.endswith("are free. Free some space and try again; a run resumes with --resume.")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"before"}

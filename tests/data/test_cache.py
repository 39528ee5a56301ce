"""The cache of decoded images: the same images with and without it, whatever happens to it."""

import errno
import fcntl
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import encoded, gradient

from mlptrain import files
from mlptrain.data.images.arrays import resolve
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading import cache
from mlptrain.data.loading.cache import cache_folder, load_cached
from mlptrain.data.loading.stream import Loaded, load_images
from mlptrain.data.sources.source import Files
from mlptrain.system import System

SETTINGS = ImageSettings(mode="grayscale", height=8, width=8)
COUNT = 40
HOUR_NS = 3_600_000_000_000


def write_image(path: Path, number: int) -> None:
    image = (gradient(8, 8) + np.uint8(number)).astype(np.uint8)
    path.write_bytes(b"no image" if number % 15 == 4 else encoded(image, "BMP"))


def wait_for_a_tick(content: Files) -> None:
    """Return when a change gives another time than the files have."""
    newest = max(Path(path).stat().st_ctime_ns for path in content.paths())
    probe = Path(content.root, "probe")
    while not probe.exists() or probe.stat().st_ctime_ns <= newest:
        probe.touch()
    probe.unlink()


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """40 files of one size, of which 3 are none, that are trusted although they are new."""
    monkeypatch.setattr(cache, "_LEAST_FILES", 10)
    monkeypatch.setattr(cache, "_TICK_NS", -HOUR_NS)
    names = tuple(f"{index:02d}\udcff.bmp" for index in range(COUNT))
    root = tmp_path / "images"
    root.mkdir()
    for number, name in enumerate(names):
        write_image(root / name, number)
    return Files(str(root), names, ("a",) * COUNT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "mlptrain"


BMP = SETTINGS.model_copy(update={"formats": ("bmp",)})


def load(content: Files, folder: Path) -> tuple[Loaded, str | None]:
    return load_cached(content, content.paths(), BMP, None, folder)


def check(loaded: Loaded, content: Files) -> None:
    """It is what the files hold now."""
    true = load_images(content.paths(), BMP)
    np.testing.assert_array_equal(loaded.images, true.images)
    np.testing.assert_array_equal(loaded.indices, true.indices)
    assert loaded.bad == true.bad


def decoded(content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many images a start decodes; its result is checked."""
    counts: list[int] = []
    stream = cache.stream_images

    def counted(paths: list[str], *rest: object, **named: object) -> object:
        counts.append(len(paths))
        return stream(paths, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(cache, "stream_images", counted)
        loaded, note = load(content, folder)
    assert note is None
    check(loaded, content)
    return sum(counts)


def entry_of(folder: Path) -> Path:
    (entry,) = folder.iterdir()
    return entry


def test_the_second_start_decodes_nothing(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decoded(content, folder, monkeypatch) == COUNT
    assert decoded(content, folder, monkeypatch) == 0
    assert entry_of(folder).stat().st_mode & 0o777 == 0o600


def test_unlike_images_are_remembered(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = Expected(None, size=(8, 8))
    wide = encoded(gradient(8, 9), "BMP")
    Path(content.paths()[7]).write_bytes(wide)
    for count in (COUNT, 0):
        with monkeypatch.context() as patch:
            if not count:
                patch.delattr(cache, "stream_images")
            loaded, note = load_cached(content, content.paths(), BMP, common, folder)
        assert (loaded.unlike, note) == ({7}, None)
    strict = Expected(content.paths()[0], size=(8, 8))  # to a training set the same is bad
    loaded, note = load_cached(content, content.paths(), BMP, strict, folder)
    assert (loaded.unlike, 7 in loaded.bad, note) == (set(), True, None)


def test_the_images_are_mapped_and_cannot_be_changed(content: Files, folder: Path) -> None:
    loaded, _ = load(content, folder)
    maps = Path("/proc/self/maps").read_text()
    assert entry_of(folder).name in maps
    with pytest.raises(ValueError, match="read-only"):
        loaded.images[0] = 0


@pytest.mark.parametrize("change", ["content", "times set back", "replaced", "new", "gone", "name"])
def test_any_change_of_the_files_is_seen(
    content: Files, folder: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decoded(content, folder, monkeypatch) == COUNT
    first, second, *_, last = (Path(path) for path in content.paths())
    before = first.stat()
    wait_for_a_tick(content)
    if change == "content":
        write_image(first, 77)
    elif change == "times set back":
        write_image(first, 77)
        os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert first.stat().st_mtime_ns == before.st_mtime_ns
    elif change == "replaced":
        second.replace(first)
        shutil.copy(last, second)
    elif change in ("new", "gone"):
        names = (*content.names, "new.bmp") if change == "new" else content.names[1:]
        write_image(Path(content.root, "new.bmp"), 3)
        content = Files(content.root, names, content.labels)
    else:
        swapped = (content.names[1], content.names[0], *content.names[2:])
        content = Files(content.root, swapped, content.labels)
    assert decoded(content, folder, monkeypatch) == len(content.names)


def test_settings_and_expectations_make_other_entries(content: Files, folder: Path) -> None:
    paths = content.paths()
    load(content, folder)
    cases = [
        (BMP.model_copy(update={"height": 4}), None),
        (BMP.model_copy(update={"background": 1}), None),
        (SETTINGS, None),
        resolve(ImageSettings(formats=("bmp",)), paths),
    ]
    for number, (settings, expected) in enumerate(cases):
        loaded, _ = load_cached(content, paths, settings, expected, folder)
        true = load_images(paths, settings, expected)
        np.testing.assert_array_equal(loaded.images, true.images)
        assert loaded.bad == true.bad
        assert len(list(folder.iterdir())) == number + 2


def test_files_changed_a_moment_ago_are_not_trusted(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed again within one tick of the clock, they would look the same."""
    monkeypatch.setattr(cache, "_TICK_NS", HOUR_NS)
    Path(content.paths()[0]).touch()
    loaded, note = load(content, folder)
    check(loaded, content)
    assert note is None
    assert not folder.exists()


def test_a_time_of_modification_in_the_future_is_as_good_as_any(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(content.paths()[0], (4e9, 4e9))
    assert decoded(content, folder, monkeypatch) == COUNT
    assert decoded(content, folder, monkeypatch) == 0


def test_little_work_is_not_kept(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_LEAST_FILES", COUNT + 1)
    load(content, folder)
    assert not folder.exists()
    monkeypatch.setattr(cache, "_LEAST_BYTES", 1000)
    load(content, folder)
    assert folder.exists()


@pytest.mark.slow
def test_changed_bytes_and_lengths_are_refused(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decoded(content, folder, monkeypatch) == COUNT
    entry = entry_of(folder)
    whole = entry.read_bytes()
    paths, key = content.paths(), entry.stem
    assert cache._read(entry, key, paths, BMP) is not None
    for position in (*range(0, len(whole) - 400, 7), *range(len(whole) - 400, len(whole))):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        entry.write_bytes(changed)
        assert cache._read(entry, key, paths, BMP) is None, position
    for length in range(0, len(whole), 19):
        entry.write_bytes(whole[:length])
        assert cache._read(entry, key, paths, BMP) is None, length
    entry.write_bytes(whole + b"\0")
    assert decoded(content, folder, monkeypatch) == COUNT
    assert entry.read_bytes() == whole
    assert decoded(content, folder, monkeypatch) == 0


def test_an_entry_under_another_name_is_refused(content: Files, folder: Path) -> None:
    load(content, folder)
    entry = entry_of(folder)
    wait_for_a_tick(content)
    write_image(Path(content.paths()[0]), 9)
    load(content, folder)
    (other,) = set(folder.iterdir()) - {entry}
    entry.replace(other)
    loaded, _ = load(content, folder)
    check(loaded, content)


def test_a_bad_image_that_can_be_read_again_is_read(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in the way need not have changed the file."""
    with monkeypatch.context() as patch:
        patch.setattr("mlptrain.data.images.decoding._read", _unreadable)
        loaded, _ = load(content, folder)
        assert len(loaded.bad) == COUNT
    assert decoded(content, folder, monkeypatch) == COUNT


def _unreadable(*_: object) -> None:
    raise cache.UnreadableError("cannot be read: Input/output error")


@contextmanager
def limited(most: int) -> Iterator[None]:
    """No file may be larger than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("trouble", ["a file", "below a file", "full", "too large"])
def test_a_folder_that_cannot_be_used_costs_only_time(
    content: Files, folder: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble == "a file":
        folder.parent.mkdir()
        folder.touch()
    elif trouble == "below a file":
        folder.parent.touch()
    elif trouble == "full":
        usage = shutil.disk_usage(content.root)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with limited(1000 if trouble == "too large" else resource.RLIM_INFINITY):
        loaded, note = load(content, folder)
    check(loaded, content)
    assert note is not None
    said = {
        "a file": "Not a directory", "below a file": "Not a directory",
        "full": "2,560 bytes are needed, 100 are free", "too large": "File too large",
    }  # fmt: skip
    assert f"{folder}: the decoded images could not be kept here: {said[trouble]}. " in note
    assert ("Free some space" in note) == (trouble == "full")
    assert not folder.is_dir() or not list(folder.iterdir())


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
@pytest.mark.parametrize("name", ["x.tmp", "x.images"])
def test_what_is_no_plain_file_stays_and_is_not_waited_for(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    folder.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name / "more").mkdir(parents=True)
    else:
        (folder / name).symlink_to(content.paths()[0])
    monkeypatch.setattr(cache, "MOST_BYTES", 0)
    assert decoded(content, folder, monkeypatch) == COUNT
    assert decoded(content, folder, monkeypatch) == 0
    assert len(list(folder.iterdir())) == 2


def test_a_pipe_that_comes_in_between_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    assert files.remove_unused(tmp_path / "a")


@pytest.mark.parametrize("name", [".x.images.1.tmp", "x.images"])
def test_what_may_not_be_removed_stays(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Such as another user's file in a folder for all."""

    class Denying(System):
        def unlink(self, path: Path) -> None:
            if path.name == name:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            super().unlink(path)

    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"1")
    monkeypatch.setattr(files, "system", Denying())
    monkeypatch.setattr(cache, "MOST_BYTES", 0)
    assert decoded(content, folder, monkeypatch) == COUNT
    assert decoded(content, folder, monkeypatch) == 0


def test_another_user_s_entry_is_not_used(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decoded(content, folder, monkeypatch) == COUNT
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    loaded, _ = load(content, folder)
    check(loaded, content)
    entry = entry_of(folder)
    assert cache._read(entry, entry.stem, content.paths(), BMP) is None


def show_times(monkeypatch: pytest.MonkeyPatch, shown: Callable[[int], int]) -> None:
    """Have all files change at the time `shown` makes of the real one, both in ns."""
    real = os.stat

    def stat(path: str, **options: Any) -> os.stat_result:
        status = real(path, **options)
        _, tuples = status.__reduce__()
        (numbers, named) = tuples
        times = {f"st_{kind}time_ns": shown(getattr(status, f"st_{kind}time_ns")) for kind in "amc"}
        return os.stat_result(numbers, named | times)

    monkeypatch.setattr(os, "stat", stat)


def test_a_change_within_a_coarse_tick_is_seen(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where times are even seconds, a file replaced in the same one looks as before."""
    show_times(monkeypatch, lambda time_ns: time_ns - time_ns % 2_000_000_000)
    for number in (50, 51, 52):
        write_image(Path(content.paths()[0]), number)
        loaded, note = load(content, folder)
        check(loaded, content)
        assert note is None


def test_coarse_times_of_long_ago_are_trusted(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_times(monkeypatch, lambda _: 1_000_000_000_000_000_000)
    assert decoded(content, folder, monkeypatch) == COUNT
    assert decoded(content, folder, monkeypatch) == 0


def test_two_folders_that_agree_in_names_sizes_and_times_are_two(
    content: Files, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the same path on two disk images that are mounted one after the other."""
    other = Files(str(tmp_path / "other"), content.names, content.labels)
    Path(other.root).mkdir()
    for number, path in enumerate(other.paths()):
        write_image(Path(path), number + 60)
    show_times(monkeypatch, lambda _: 1_000_000_000_000_000_000)
    for each in (content, other):
        assert decoded(each, folder, monkeypatch) == COUNT
        assert decoded(each, folder, monkeypatch) == 0


def test_what_nobody_uses_makes_room(
    content: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The least recently used first; what is in use, and what is none of ours, stays."""
    folder.mkdir(parents=True)
    for age, name in enumerate(["new", "used", "old", "older", ".x.images.1.tmp", "foreign"]):
        path = folder / (name if "." in name or name == "foreign" else f"{name}.images")
        path.write_bytes(b"\0" * 1000)
        os.utime(path, (1e9 - age, 1e9 - age))
    with (folder / "used.images").open() as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        monkeypatch.setattr(cache, "MOST_BYTES", 2560 + 2000)
        loaded, _ = load(content, folder)
        names = {path.name for path in folder.iterdir() if len(path.stem) < 60}
        assert names == {"new.images", "used.images", "foreign"}
        monkeypatch.setattr(cache, "MOST_BYTES", 0)
        cache._make_room(folder, 1)
        assert len(list(folder.iterdir())) == 3, "the images that are mapped here are in use, too"
    check(loaded, content)
    del loaded
    cache._make_room(folder, 1)
    assert [path.name for path in folder.iterdir()] == ["foreign"]


def test_a_use_counts(content: Files, folder: Path) -> None:
    load(content, folder)
    os.utime(entry_of(folder), (1e9, 1e9))
    load(content, folder)
    assert entry_of(folder).stat().st_mtime > 1e9 + 1


def test_a_file_that_another_process_writes_is_left_alone(content: Files, folder: Path) -> None:
    folder.mkdir(parents=True)
    with files.spare_file(folder / "x.images") as write:
        write(b"half")
        load(content, folder)
        write(b" and half")
    assert (folder / "x.images").read_bytes() == b"half and half"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("/a/b", "/a/b/mlptrain"),
        ("a/b", "/home/x/.cache/mlptrain"),
        ("", "/home/x/.cache/mlptrain"),
    ],
)
def test_where_the_folder_is(place: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    monkeypatch.setenv("HOME", "/home/x")
    assert cache_folder() == Path(found)
    monkeypatch.setenv("HOME", "x")
    assert cache_folder() == (Path(found) if place.startswith("/") else None)

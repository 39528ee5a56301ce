"""The decoded images of a data set, kept in one file, so that the next run starts at once.

    <key>.images    pixels (m, H, W, C) of the images that could be read | JSON | its size, SHA-256

The JSON holds the key, the CRC-32 of the pixels, which images are bad and why, and which are unlike
the training images.

The key is made of all that decides the pixels: the folder, each file's name, size and times of
modification and change (which nobody can set back), the settings, and the versions of the decoders.
The folder counts because files on two mounted disk images can agree in all the rest.

An entry is only ever a copy. Its pixels are compared with their checksum before they are used, and
whatever is wrong with it or with the folder, the images are decoded as if there were none. Entries
are locked by who uses them; others go, the least recently used first, when space is short. The
whole folder may be deleted at any time. What must not happen to an entry in use is to be cut short
by another program: the kernel then ends the process that reads it with SIGBUS, as with every mapped
file.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
import stat
import struct
import time
import zlib
from collections.abc import Sequence
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mlptrain import files
from mlptrain.data.images.decoding import DECODERS
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.mapping import mapped, release
from mlptrain.data.loading.stream import BadImage, Loaded, Progress, load_images, stream_images
from mlptrain.data.sources.source import Files
from mlptrain.errors import DataError, FileSystemError
from mlptrain.paths import UnreadableError, opened
from mlptrain.text import show_path

MOST_BYTES = 10 << 30  # of entries that nobody uses at the moment
SUFFIX = ".images"

_VERSION = 3  # of the file, and of what the decoder makes of an image: raise it with either
_LEAST_FILES = 2_000  # below, and of few bytes, decoding takes less than a tenth of a second
_LEAST_BYTES = 16 << 20
_SECOND_NS = 1_000_000_000
_TICK_NS = 20_000_000  # two changes within one can leave a file with the same times
_COARSE_TICK_NS = 2 * _SECOND_NS  # the same where times are whole seconds (FAT: every other one)
_PART_BYTES = 16 << 20
_FOOTER = struct.Struct("<Q32s")


def cache_folder() -> Path | None:
    """$XDG_CACHE_HOME/mlptrain or ~/.cache/mlptrain; None if there is no home folder, or one that
    depends on the current folder."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(place):  # XDG Base Directory Specification 0.8: others are to be ignored
        return Path(place, "mlptrain")
    with suppress(RuntimeError):
        home = Path.home()
        return home / ".cache" / "mlptrain" if home.is_absolute() else None
    return None


def load_cached(
    content: Files,
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None,
    folder: Path,
    progress: Progress | None = None,
) -> tuple[Loaded, str | None]:
    """What `load_images` makes of `paths`, those of `content`, mapped from the entry in `folder`,
    which is made where it is missing and pays; and why that failed, for the user. Raises DataError
    as `load_images` does."""
    failed = None
    stamps = np.array([_stamp(path) for path in paths], np.int64)
    if _pays(stamps):
        key = _key(content, settings, expected, stamps)
        entry = folder / f"{key}{SUFFIX}"
        try:
            loaded = _read(entry, key, paths, settings)
            if loaded is None or not _still_bad(loaded, paths, settings, expected):
                _make_room(folder, len(paths) * math.prod(settings.shape))
                _write(entry, key, paths, settings, expected, progress)
                loaded = _read(entry, key, paths, settings)
            if loaded is not None:
                return loaded, None
            reason = "the file was changed or removed while it was in use"
            full = False
        except (OSError, FileSystemError) as error:
            cause = error.__cause__ or error
            reason = getattr(cause, "strerror", None) or str(cause)
            full = getattr(cause, "errno", None) in files.DISK_FULL
        remedy = "Free some space, set" if full else "Set"
        failed = (
            f"{show_path(folder)}: the decoded images could not be kept here: {reason}. Every "
            f"start decodes them again. {remedy} XDG_CACHE_HOME to another folder, or set "
            "data.cache to false."
        )
    return load_images(paths, settings, expected, progress=progress), failed


def _stamp(path: str) -> tuple[int, int, int]:
    """Size in bytes, and times of modification and change in ns, of the file at `path`."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1, -1
    most = (1 << 63) - 1  # file systems know years that int64 does not
    return status.st_size, status.st_mtime_ns & most, status.st_ctime_ns & most


def _pays(stamps: NDArray[np.int64]) -> bool:
    """Whether decoding is work, and the files have been left alone for a moment: long enough that
    a change from now on gives another time of change."""
    much = len(stamps) >= _LEAST_FILES or stamps[:, 0].sum() >= _LEAST_BYTES
    changed = stamps[:, 2]
    ticks = np.where(changed % _SECOND_NS == 0, _COARSE_TICK_NS, _TICK_NS)
    return bool(much and np.all(changed < time.time_ns() - ticks))


def _key(
    content: Files, settings: ImageSettings, expected: Expected | None, stamps: NDArray[np.int64]
) -> str:
    wanted = [
        _VERSION,
        [version(decoder) for decoder in DECODERS],
        settings.model_dump(mode="json"),
        expected and (expected.first is None, expected.gray, expected.size),
    ]
    places = (os.path.realpath(content.root), *content.names)
    digest = hashlib.sha256(json.dumps(wanted).encode() + b"\0")
    digest.update("\0".join(places).encode("utf-8", "surrogateescape") + b"\0")
    digest.update(stamps.astype("<i8").data)
    return digest.hexdigest()


def _read(entry: Path, key: str, paths: Sequence[str], settings: ImageSettings) -> Loaded | None:
    """What is in the file `entry`, or None unless all of it is right."""
    try:
        with opened(str(entry)) as (file, size):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            about, length = _trailer(file, size)
            count = len(paths) - len(about["bad"])
            if [about["key"], length] != [key, count * math.prod(settings.shape)]:
                raise UnreadableError("is of other images")
            pixels = mapped(file.fileno(), length) if length else np.empty(0, np.uint8)
            if _checksum(pixels) != about["checksum"]:
                raise UnreadableError("is damaged")
    except (DataError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError):
        files.system.utime(entry)
    bad = {index: BadImage(paths[index], reason) for index, reason in about["bad"]}
    unlike = frozenset(about["unlike"])
    indices = np.delete(np.arange(len(paths)), list(bad))
    return Loaded(pixels.reshape(count, *settings.shape), indices, bad, unlike)


def _trailer(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """The JSON behind the pixels, and how many bytes these have."""
    file.seek(max(0, size - _FOOTER.size))
    length, digest = _FOOTER.unpack(file.read(_FOOTER.size).rjust(_FOOTER.size))
    start = size - _FOOTER.size - length
    if start < 0 or os.fstat(file.fileno()).st_uid != os.geteuid():
        raise UnreadableError("is cut off, or somebody else's")
    file.seek(start)
    trailer = file.read(length)
    if hashlib.sha256(trailer).digest() != digest:
        raise UnreadableError("is damaged")
    return json.loads(trailer), start


def _checksum(pixels: NDArray[np.uint8]) -> int:
    checksum = 0
    for first in range(0, len(pixels), _PART_BYTES):
        checksum = zlib.crc32(pixels[first : first + _PART_BYTES].data, checksum)
        release(pixels)
    return checksum


def _still_bad(
    loaded: Loaded, paths: Sequence[str], settings: ImageSettings, expected: Expected | None
) -> bool:
    """Whether the bad images of an entry are still so: what kept a file from being read, such as
    the network, need not have left a trace in it."""
    again = load_images([paths[index] for index in loaded.bad], settings, expected)
    return list(again.bad.values()) == list(loaded.bad.values())


def _write(
    entry: Path,
    key: str,
    paths: Sequence[str],
    settings: ImageSettings,
    expected: Expected | None,
    progress: Progress | None,
) -> None:
    checksum, bad, unlike = 0, [], []
    chunks = stream_images(paths, settings, expected, progress=progress)
    with closing(chunks), files.spare_file(entry) as write:
        for chunk in chunks:
            pixels = chunk.images.reshape(-1).data
            write(pixels)
            checksum = zlib.crc32(pixels, checksum)
            bad += [(index, image.reason) for index, image in chunk.bad.items()]
            unlike += sorted(chunk.unlike)
        about = {"key": key, "checksum": checksum, "bad": bad, "unlike": unlike}
        trailer = json.dumps(about).encode()
        write(trailer + _FOOTER.pack(len(trailer), hashlib.sha256(trailer).digest()))


def _make_room(folder: Path, needed: int) -> None:
    """Make `folder`, remove what killed processes left in it, and the least recently used entries
    as long as `needed` more bytes are too many. Raises OSError if the disk is too full for them.

    What is no plain file, or may not be removed, is not the cache's and stays."""
    files.make_folder(folder)
    free, entries = shutil.disk_usage(folder).free, []
    for path in folder.iterdir():
        with suppress(FileNotFoundError, PermissionError):
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                continue
            if path.name.endswith(files.TEMPORARY_SUFFIX):
                files.remove_unused(path)
            elif path.name.endswith(SUFFIX):
                entries.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total + needed <= MOST_BYTES and free >= needed:
            return
        with suppress(PermissionError):
            if files.remove_unused(path):
                total, free = total - size, free + size
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed:,} bytes are needed, {free:,} are free")

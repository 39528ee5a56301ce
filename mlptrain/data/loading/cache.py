"""The decoded images of a data set, kept in one file, so that the next run starts at once.

    <key>.images    pixels (m, H, W, C) of the images that could be read | JSON | its size, SHA-256

The JSON holds the key, the CRC-32 of the pixels, which images are bad and why, and which differ
from the training images.

The key covers everything that affects the pixels: the folder, each file's name, size, modification
time and change time (which nobody can set back), the settings, and the decoders' versions. The
folder is included because files on two mounted disk images can agree in everything else.

An entry is only a copy. Its pixels are checked against their checksum before use; if anything is
wrong with the entry or the folder, the images are decoded as if there were no cache. A process
locks the entries it uses; when space is short, unlocked ones are deleted, least recently used
first. The whole folder may be deleted at any time. Only truncating an entry in use does harm: the
kernel then ends the reading process with SIGBUS, as for any mapped file.
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

MOST_BYTES = 10 << 30  # of entries not in use
SUFFIX = ".images"

_VERSION = 3  # of the file format and of the decoded pixels: raise it if either changes
_LEAST_FILES = 2_000  # fewer, and few bytes, are decoded in less than a tenth of a second
_LEAST_BYTES = 16 << 20
_SECOND_NS = 1_000_000_000
_TICK_NS = 20_000_000  # two changes within this time can leave a file with the same times
_COARSE_TICK_NS = 2 * _SECOND_NS  # the same where times are whole seconds (FAT: every other one)
_PART_BYTES = 16 << 20
_FOOTER = struct.Struct("<Q32s")


def cache_folder() -> Path | None:
    """$XDG_CACHE_HOME/mlptrain or ~/.cache/mlptrain; None if there is no home folder or its path is
    relative."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(place):  # XDG Base Directory Specification 0.8: ignore relative ones
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
    """The result of `load_images` for `paths`, the files of `content`, mapped from the entry in
    `folder`; the entry is created if it is missing and worthwhile. Also returns why that failed,
    for the user. Raises DataError as `load_images` does."""
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
    """Whether decoding takes long enough, and the files have not changed for a moment, so that any
    later change will show in their change times."""
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
    """The content of the file `entry`, or None if anything in it is wrong."""
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
    """The JSON after the pixels, and the number of bytes of the pixels."""
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
    """Whether the bad images of an entry are still bad: whatever made a file unreadable, such as
    the network, may have gone without changing the file."""
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
    """Create `folder`, delete what killed processes left in it, and delete the least recently used
    entries until `needed` more bytes fit. Raises OSError if the disk is too full for them.

    Anything that is no plain file, or may not be deleted, is not the cache's and stays."""
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

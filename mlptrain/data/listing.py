"""The image files in a folder and the folders inside, without a look into any of them."""

import os

from mlptrain.errors import DataError
from mlptrain.text import show_path

_OTHER_SUFFIXES = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml"),
    *(".html", ".pdf", ".log", ".py", ".ipynb", ".sh"),
)
_DESKTOP_FILES = ("thumbs.db", "desktop.ini")


def images_below(folder: str) -> list[str]:
    """The paths of all images in `folder` and the folders inside, by the rules of a class folder,
    sorted bytewise. Raises DataError if a folder cannot be read."""
    return [os.path.join(folder, name) for name in names_below(folder)]


def names_below(folder: str, inside: tuple[tuple[int, int], ...] = ()) -> list[str]:
    """Names of image files relative to `folder`; `inside` are the folders it lies in, by device
    and inode, so that a link back to one of them is not followed."""
    entries = entries_of(folder)
    here = identity(folder)
    if here in inside:
        return []
    names: list[str] = []
    for entry in entries:
        if is_folder(entry):
            below = names_below(entry.path, (*inside, here))
            names += [f"{entry.name}/{name}" for name in below]
        elif not entry.name.lower().endswith(_OTHER_SUFFIXES):
            names.append(entry.name)
    return names


def identity(folder: str) -> tuple[int, int]:
    """What tells a folder from every other, whatever link leads to it."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Links are followed; what cannot be followed is no folder, but a bad image later on."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def entries_of(folder: str) -> list["os.DirEntry[str]"]:
    """What is in `folder` and not hidden, sorted bytewise by name."""
    try:
        with os.scandir(folder) as found:
            entries = [
                entry
                for entry in found
                if not entry.name.startswith(".") and entry.name.lower() not in _DESKTOP_FILES
            ]
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{show_path(folder)}: cannot be read as a folder: {reason}.") from None
    plain = all(entry.name.isascii() for entry in entries)  # sorted as text they are, bytewise
    return sorted(entries, key=lambda entry: entry.name if plain else os.fsencode(entry.name))

"""The image files in a folder and its subfolders, listed without opening any of them."""

import os

from mlptrain.data.sources.leftovers import is_left_behind
from mlptrain.errors import DataError
from mlptrain.paths import entry_is_folder
from mlptrain.text import show_path

_OTHER_SUFFIXES = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml"),
    *(".html", ".pdf", ".log", ".py", ".ipynb", ".sh"),
)


def images_below(folder: str, ignored: list[str]) -> list[str]:
    """The paths of all images in `folder` and its subfolders, by the rules of a class folder,
    sorted bytewise. An unreadable subfolder is listed like an image. Raises DataError if `folder`
    itself cannot be read."""
    return [os.path.join(folder, name) for name in names_below(folder, ignored, strict=False)]


def names_below(
    folder: str,
    ignored: list[str],
    inside: tuple[tuple[int, int], ...] = (),
    *,
    strict: bool = True,
) -> list[str]:
    """Names of image files relative to `folder`. `inside`: its parent folders by device and inode,
    so that a link back to one of them is not followed. Names of system files are added to
    `ignored`. Raises DataError if a folder cannot be read; with `strict` False, an unreadable
    subfolder is listed like an image."""
    entries = entries_of(folder, ignored)
    here = identity(folder)
    if here in inside:
        return []
    names: list[str] = []
    for entry in entries:
        if entry_is_folder(entry):
            try:
                below = names_below(entry.path, ignored, (*inside, here), strict=strict)
            except DataError:
                if strict:
                    raise
                names.append(entry.name)
            else:
                names += [f"{entry.name}/{name}" for name in below]
        elif not entry.name.lower().endswith(_OTHER_SUFFIXES):
            names.append(entry.name)
    return names


def identity(folder: str) -> tuple[int, int]:
    """The identity of a folder, whatever link leads to it."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def entries_of(folder: str, ignored: list[str]) -> list["os.DirEntry[str]"]:
    """The entries of `folder`, sorted bytewise by name, without hidden entries and system files;
    the names of the latter are added to `ignored`."""
    entries = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.name.startswith("."):
                    continue
                if is_left_behind(entry.name):
                    ignored.append(entry.name)
                else:
                    entries.append(entry)
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{show_path(folder)}: cannot be read as a folder: {reason}.") from None
    plain = all(entry.name.isascii() for entry in entries)  # sorting the text is then bytewise
    return sorted(entries, key=lambda entry: entry.name if plain else os.fsencode(entry.name))

"""A folder of class folders: `root/cat/1.png`, `root/dog/young/2.png`."""

import os
from typing import Annotated, Literal

from pydantic import Field

from mlptrain.data.source import Files, LocatedPath, Source, sources
from mlptrain.errors import DataError
from mlptrain.files import show_path

_IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".avif", ".heic", ".jp2", ".jxl", ".ppm", ".pgm"),
)
_OTHER_SUFFIXES = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml"),
    *(".html", ".pdf", ".log", ".py", ".ipynb", ".sh"),
)
_DESKTOP_FILES = ("thumbs.db", "desktop.ini")


@sources.register
class Folder(Source):
    """A folder with one folder of images per class, named like the class. Folders inside these are
    searched too. Ignored are hidden files and folders, Thumbs.db, desktop.ini and files that by
    their name are text (.txt, .json ...); anything else has to be an image."""

    type: Literal["folder"] = "folder"
    path: Annotated[LocatedPath, Field(description="folder that holds one folder per class")]

    @property
    def place(self) -> str:
        return self.path

    def content(self) -> Files:
        names, labels = [], []
        entries = _entries(self.path)
        root = (_identity(self.path),)
        for entry in entries:
            if _is_folder(entry):
                found = [f"{entry.name}/{name}" for name in _names_below(entry.path, root)]
                if not found:
                    raise DataError(
                        f"{show_path(entry.path)}: holds no images, but every folder in "
                        f"{show_path(self.path)} is a class. Add images, or remove the folder."
                    )
                names += found
                labels += [entry.name] * len(found)
            elif entry.name.lower().endswith(_IMAGE_SUFFIXES):
                raise DataError(
                    f"{show_path(entry.path)}: is an image outside of a class folder. "
                    "Put it into a folder that has the name of its class."
                )
        if not names:
            raise DataError(
                f"{show_path(self.path)}: holds no class folders. "
                "Expected is one folder per class, with its images inside."
            )
        return Files(self.path, tuple(names), tuple(labels))


def images_below(folder: str) -> list[str]:
    """The paths of all images in `folder` and the folders inside, by the rules of a class folder,
    sorted bytewise. Raises DataError if a folder cannot be read."""
    return [os.path.join(folder, name) for name in _names_below(folder)]


def _names_below(folder: str, inside: tuple[tuple[int, int], ...] = ()) -> list[str]:
    """Names of image files relative to `folder`; `inside` are the folders it lies in, by device
    and inode, so that a link back to one of them is not followed."""
    entries = _entries(folder)
    here = _identity(folder)
    if here in inside:
        return []
    names: list[str] = []
    for entry in entries:
        if _is_folder(entry):
            below = _names_below(entry.path, (*inside, here))
            names += [f"{entry.name}/{name}" for name in below]
        elif not entry.name.lower().endswith(_OTHER_SUFFIXES):
            names.append(entry.name)
    return names


def _identity(folder: str) -> tuple[int, int]:
    """What tells a folder from every other, whatever link leads to it."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Links are followed; what cannot be followed is no folder, but a bad image later on."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(folder: str) -> list["os.DirEntry[str]"]:
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

"""A folder of class folders: `root/cat/1.png`, `root/dog/young/2.png`."""

import os
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.data.listing import entries_of, identity, names_below
from mlptrain.data.reading import entry_is_folder
from mlptrain.data.source import Files, LocatedPath, Source, sources, wrong_kind
from mlptrain.errors import DataError
from mlptrain.text import show_path

_IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".avif", ".heic", ".jp2", ".jxl", ".ppm", ".pgm"),
)


@sources.register
class Folder(Source):
    """A folder with one folder of images per class, named like the class. Folders inside these are
    searched too. Ignored are hidden files and folders, what machines leave behind (Thumbs.db,
    @eaDir, lost+found ...) and files that by their name are text (.txt, .json ...); anything else
    has to be an image."""

    type: Literal["folder"] = "folder"
    described: ClassVar[str] = "a folder with one folder of images per class"
    path: Annotated[LocatedPath, Field(description="folder that holds one folder per class")]

    @property
    def place(self) -> str:
        return self.path

    def content(self) -> Files:
        if os.path.isfile(self.path):
            raise wrong_kind(self.path)
        names, labels = [], []
        ignored: list[str] = []
        entries = entries_of(self.path, ignored)
        root = (identity(self.path),)
        for entry in entries:
            if entry_is_folder(entry):
                below = names_below(entry.path, ignored, root)
                found = [f"{entry.name}/{name}" for name in below]
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
                "Expected one folder per class, with its images inside."
            )
        return Files(self.path, tuple(names), tuple(labels), tuple(ignored))

"""A folder of class folders: `root/cat/1.png`, `root/dog/young/2.png`."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.data.sources.listing import entries_of, identity, names_below
from mlptrain.data.sources.source import LABEL, Files, LocatedPath, Source, sources, wrong_kind
from mlptrain.errors import DataError
from mlptrain.paths import entry_is_folder, is_file, reported
from mlptrain.text import as_utf8, show_name, show_path

_IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".avif", ".heic", ".jp2", ".jxl", ".ppm", ".pgm"),
)
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@sources.register
class Folder(Source):
    """A folder with one folder of images per class, named after the class. Subfolders of these are
    searched too. Hidden files and folders, system files (Thumbs.db, @eaDir, lost+found ...) and
    text files by their names (.txt, .json ...) are ignored; everything else must be an image."""

    type: Literal["folder"] = "folder"
    described: ClassVar[str] = "a folder with one folder of images per class"
    path: Annotated[LocatedPath, Field(description="folder that holds one folder per class")]

    @property
    def place(self) -> str:
        return self.path

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Files:
        with reported(Path(self.path), DataError):
            if is_file(self.path):
                raise wrong_kind(self.path)
        self._refuse_columns(tuple(filter(None, (*columns, weight))))
        if not columns:
            return self._unlabelled()
        ignored: list[str] = []
        names, labels = [], []
        entries = entries_of(self.path, ignored)
        root = (identity(self.path),)
        self._refuse_splits([entry for entry in entries if entry_is_folder(entry)])
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
                labels += [as_utf8(entry.name)] * len(found)
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
        self._refuse_splits_in_classes(names)
        return Files(self.path, tuple(names), tuple(labels), ignored=tuple(ignored))

    def _unlabelled(self) -> Files:
        """All images, at any depth."""
        ignored: list[str] = []
        names = names_below(self.path, ignored)
        if not names:
            raise DataError(f"{show_path(self.path)}: holds no images. Add some.")
        return Files(self.path, tuple(names), ("",) * len(names), ignored=tuple(ignored))

    def _refuse_columns(self, columns: tuple[str, ...]) -> None:
        """Raise DataError for any column but the class."""
        for column in columns:
            if column != LABEL:
                raise DataError(
                    f"{show_path(self.path)}: is a folder, which says only the class of an image; "
                    f"'{show_name(column)}' is needed, too. List the images in a .csv with the "
                    f"columns filepath,{','.join(map(show_name, columns))}."
                )

    def _refuse_splits(self, folders: list["os.DirEntry[str]"]) -> None:
        """Raise DataError if two of `folders` are splits, not classes: they have names of splits
        and contain folders with the same names."""
        held = {
            entry: {below.name for below in entries_of(entry.path, []) if entry_is_folder(below)}
            for entry in folders
            if split_of(entry.name)
        }
        count = Counter(name for names in held.values() for name in names)
        classes = [name for name in sorted(count, key=os.fsencode) if count[name] > 1]
        if not classes:
            return
        splits = [entry for entry, names in held.items() if not names.isdisjoint(classes)]
        names = " and ".join(f"'{show_name(entry.name)}'" for entry in splits)
        most = ", ".join(f"'{show_path(name)}'" for name in classes[:3])
        lines = {split_of(entry.name): os.path.abspath(entry.path) for entry in splits}
        raise DataError(
            f"{show_path(self.path)}: its folders {names} are splits, not classes: each holds "
            f"the folders {most}{' …' if len(classes) > 3 else ''}. Name each split by itself:\n"
            "  data:\n" + "\n".join(f"    {key}: {show_path(lines[key])}" for key in lines)
        )

    def _refuse_splits_in_classes(self, names: list[str]) -> None:
        """Raise DataError if class folders contain splits: two of the folders do, or one that
        contains nothing else, with at least two splits."""
        inside: dict[str, set[str]] = {}
        for name in names:
            if name.count("/") > 1:
                label, below, _ = name.split("/", 2)
                inside.setdefault(label, set()).add(below)
        splits = {label: {split_of(each) for each in inside[label]} for label in inside}
        divided = [label for label in inside if len(splits[label] - {None}) > 1]
        if len(divided) > 1 or any(None not in splits[label] for label in divided):
            label = divided[0]
            found = sorted((each for each in inside[label] if split_of(each)), key=os.fsencode)
            shown = [show_path(f"{label}/{each}") for each in found]
            moved = [show_path(f"{each}/{label}") for each in found]
            raise DataError(
                f"{show_path(self.path)}: its class folders hold splits: {' and '.join(shown)}. "
                "Expected is one folder per split, with one folder per class inside. "
                f"Make these {' and '.join(moved)}, those of the other classes likewise, and name "
                "each split by itself, as data.train, data.validation and data.test."
            )


def split_of(name: str) -> str | None:
    """The split that the name of a folder or file stands for, as in "train", "Validation",
    "test_set"."""
    words = re.split("[^a-z]+", name.lower().removesuffix("set"))
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)

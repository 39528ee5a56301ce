"""The files that the user names to predict from."""

import glob
import os
from collections.abc import Sequence
from typing import BinaryIO

from mlptrain.data.sources.leftovers import ignored_note
from mlptrain.data.sources.listing import images_below
from mlptrain.errors import DataError, UsageError
from mlptrain.paths import UnreadableError, is_folder
from mlptrain.text import show_path


def expand_images(
    arguments: Sequence[str], stdin: BinaryIO | None = None
) -> tuple[list[str], list[str]]:
    """The image paths that the arguments name, in order: files, folders (searched recursively),
    globs, and, if there is a `stdin`, `-` for the paths in it; and notes on what was ignored in
    folders. Anything unreadable, such as a folder, is listed like an image and reported as a bad
    one later. Raises UsageError if an argument names no image."""
    paths: list[str] = []
    notes: list[str] = []
    for argument in arguments:
        ignored: list[str] = []
        found = _named(argument, stdin, ignored)
        if ignored:
            notes.append(ignored_note(argument, ignored))
        if not found:
            where = "standard input" if argument == "-" else show_path(argument)
            raise UsageError(f"{where}: no files to predict from there. Name some.")
        paths += found
    return paths, notes


def _named(argument: str, stdin: BinaryIO | None, ignored: list[str]) -> list[str]:
    if argument == "-" and stdin is not None:
        return _listed(stdin.read())
    pattern = glob.has_magic(argument) and not os.path.lexists(argument)
    if pattern and (found := glob.glob(argument, recursive=True)):
        return sorted(found, key=os.fsencode)
    try:
        if is_folder(argument):
            return images_below(argument, ignored)
    except (UnreadableError, DataError):
        return [argument]
    return [] if pattern else [argument]


def _listed(content: bytes) -> list[str]:
    """One path per line, or separated by NULs if there are any (`find -print0`)."""
    if b"\0" in content:
        lines = content.split(b"\0")
    else:
        lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return [os.fsdecode(line) for line in lines if line]

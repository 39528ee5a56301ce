"""How names and paths are shown: whatever bytes they hold, for people and for programs."""

import os
from pathlib import Path


def show_path(path: Path | str) -> str:
    """`path` for people: bytes that are not UTF-8 and control characters as escapes."""
    return printable(exact(path))


def printable(text: str) -> str:
    """`text` with its control characters as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def exact(name: Path | str) -> str:
    """`name` for programs: as it is, save that bytes that are not UTF-8 become escapes."""
    text = os.fspath(name)
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "backslashreplace")

"""How names and paths are shown: whatever bytes they hold, for people and for programs."""

import os
import re
from contextlib import suppress
from pathlib import Path


def show_path(path: Path | str) -> str:
    """`path` for people, in its shorter spelling."""
    return show_name(shorter(path))


def shorter(path: Path | str) -> str:
    """An absolute path, or one that begins with "..", as the shorter of its two spellings: absolute
    or relative to the current folder; but one that was absolute gets no "..". Others are left as
    they are, as are those with ".." behind a name, which may be a link."""
    text = os.fspath(path)
    if not text.startswith(("/", "../")) or "/../" in text.lstrip("./"):
        return text
    with suppress(OSError):  # the current folder may be gone
        absolute = os.path.normpath(os.path.join(os.getcwd(), text))  # noqa: PTH109, PTH118
        relative = os.path.relpath(text)
        leads_out = relative.startswith("../") or relative == ".."
        if leads_out and text.startswith("/"):
            return absolute
        return min(relative, absolute, key=len)
    return text


def show_name(name: Path | str) -> str:
    """`name` for people: bytes that are not UTF-8 and control characters as escapes."""
    return printable(exact(name))


def printable(text: str) -> str:
    """`text` with everything escaped that a terminal or a CI log would obey: control characters,
    and GitHub's `::command::` where a line could begin and `##[command]` anywhere."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if "::" in text and text.lstrip().startswith("::"):
        text = text.replace(":", r"\x3a", 1)
    return text.replace("##[", r"\x23#[")


def printable_lines(text: str) -> str:
    """`printable` line by line, for a message of several lines with whatever values in it."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """JSON of ASCII, equal to the JSON `text`, without what a CI log would obey; no line of JSON
    can begin with `::`."""
    return text.replace("##[", r"\u0023#[")


def as_utf8(name: str) -> str:
    """The name of a file, which was decoded as the locale says, as if that were UTF-8."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def exact(name: Path | str) -> str:
    """`name` for programs: as it is, save that bytes that are not UTF-8 become escapes."""
    text = os.fspath(name)
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def natural(name: str) -> list[str | int]:
    """The key that sorts names with their digits compared as numbers: run-9 before run-10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part for part in parts]

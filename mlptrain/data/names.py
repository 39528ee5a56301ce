"""Which names of classes and labels are allowed: those that a reader can tell apart in print.

The same rule holds for folders, manifests, .npz files, the config and checkpoints. A
name is text with at least one visible character. Two names look alike if they differ only in blanks
(number, kind, or at either end), in invisible characters, or in composed and decomposed accents.
Names that differ in case or script are different, such as `a` and `A`.
"""

import re
import unicodedata
from collections.abc import Iterable

_INVISIBLE = re.compile(  # controls; Default_Ignorable_Code_Point of Unicode; the braille blank
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` if they are allowed together. Raises ValueError, with invisible characters
    shown as escapes, if a name is blank or not text, or if two are equal or look alike."""
    seen: dict[str, str] = {}
    for name in names:
        if not _is_text(name):
            raise ValueError(f"the name {name!a} is not text: it holds half a character")
        look = _look(name)
        if not look:
            raise ValueError(f"the name {name!a} is blank; give it a visible character")
        if look in seen:
            raise ValueError(_alike(seen[look], name))
        seen[look] = name
    return names


def refuse_misspelt(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError, with invisible characters shown as escapes, if one of `names` is not in
    `known` but looks like a name that is."""
    looks = {_look(name): name for name in known}
    for name in names:
        other = looks.get(_look(name), name)
        if other != name:
            raise ValueError(_alike(other, name))


def _look(name: str) -> str:
    """The part of `name` that a reader can see."""
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", name)).split())


def _alike(one: str, other: str) -> str:
    if one == other:
        return f"the name {one!r} is there twice; each needs its own"
    composed = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    difference = "composed and decomposed accents" if composed else "blanks or invisible characters"
    return (
        f"the names {one!a} and {other!a} look alike: they differ only in {difference}; rename one"
    )


def _is_text(name: str) -> bool:
    """Whether `name` is Unicode, or the name of a file whose bytes are not (PEP 383)."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == name
    except UnicodeEncodeError:
        return False

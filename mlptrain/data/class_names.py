"""Which names classes may have: names that a reader can tell apart wherever they are printed.

The rule is one for class folders, manifests, .npz files, `data.class_names` and checkpoints. A name
is text of at least one visible character. Two names look alike if only blanks (how many, which
kind, at either end), invisible characters, or composed and decomposed accents tell them apart; case
and letters of other scripts make different names, `a` and `A` for one.
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
    """`names`, all allowed together. Raises ValueError, which shows what is not visible as escapes,
    for one that is no text or blank, and for two that are equal or look alike."""
    seen: dict[str, str] = {}
    for name in names:
        if not _is_text(name):
            raise ValueError(f"the class name {name!a} is not text: it holds half a character")
        look = _look(name)
        if not look:
            raise ValueError(f"the class name {name!a} is blank; give it a visible character")
        if look in seen:
            raise ValueError(_alike(seen[look], name))
        seen[look] = name
    return names


def refuse_misspelt(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError, which shows what is not visible as escapes, if one of `names` is not among
    the `known` ones but looks like one of them."""
    looks = {_look(name): name for name in known}
    for name in names:
        other = looks.get(_look(name), name)
        if other != name:
            raise ValueError(_alike(other, name))


def _look(name: str) -> str:
    """What of `name` a reader sees."""
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", name)).split())


def _alike(one: str, other: str) -> str:
    if one == other:
        return f"the name {one!r} is there twice; each class needs its own"
    composed = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    difference = "composed and decomposed accents" if composed else "blanks or invisible characters"
    return (
        f"the class names {one!a} and {other!a} look alike: they differ only in "
        f"{difference}; rename one"
    )


def _is_text(name: str) -> bool:
    """Whether `name` is Unicode, or the name of a file whose bytes are not (PEP 383)."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == name
    except UnicodeEncodeError:
        return False

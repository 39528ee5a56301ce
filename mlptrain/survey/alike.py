"""Names of classes that a person might take for each other, or might have meant to be one."""

import re
import unicodedata
from collections.abc import Sequence

_SEPARATORS = re.compile(r"(?<=[^\W\d_])[\s_.-]+(?=\w)|(?<=\w)[\s_.-]+(?=[^\W\d_])")
_CYRILLIC = dict(zip("аеорсухіјѕһԁԛвкмнт", "aeopcyxijshdqbkmht", strict=True))
_GREEK = dict(zip("αβεζηικμνορτυχ", "abezhikmvoptux", strict=True))
_LATIN = str.maketrans(_CYRILLIC | _GREEK)  # the letters they look like, in upper or lower case


def look_alikes(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ only in case, in what separates words, or in letters of other
    scripts and widths that look the same."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_skeleton(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _skeleton(name: str) -> str:
    """What is left of a name without the differences that are easily overlooked."""
    plain = unicodedata.normalize("NFKC", name).strip()
    return _SEPARATORS.sub("", plain).casefold().translate(_LATIN)

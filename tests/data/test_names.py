"""Class names that a reader could not tell apart are refused, and shown so that one can."""

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, gradient

from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.names import distinct, refuse_misspelt
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.npz import Npz
from mlptrain.errors import DataError
from mlptrain.tasks.class_labels import ClassLabels

BLANKS, ACCENTS = "blanks or invisible characters", "composed and decomposed accents"
ALIKE = {
    "blank at the end": ("cat", "cat ", BLANKS),
    "blank at the start": (" cat", "cat", BLANKS),
    "tab for a blank": ("big cat", "big\tcat", BLANKS),
    "two blanks inside": ("big cat", "big  cat", BLANKS),
    "no-break space": ("big cat", "big\xa0cat", BLANKS),
    "ideographic space": ("big cat", "big\u3000cat", BLANKS),
    "zero-width space": ("cat", "c\u200bat", BLANKS),
    "byte order mark": ("cat", "\ufeffcat", BLANKS),
    "soft hyphen": ("cat", "c\xadat", BLANKS),
    "text direction": ("cat", "\u202dcat\u202c", BLANKS),
    "variation selector": ("\u2764", "\u2764\ufe0f", BLANKS),
    "filler": ("cat", "cat\u3164", BLANKS),
    "control character": ("cat", "cat\x07", BLANKS),
    "newline": ("cat", "cat\n", BLANKS),
    "accents": ("caf\xe9", "cafe\u0301", ACCENTS),
    "syllables": ("\uac00", "\u1100\u1161", ACCENTS),
    "accents and blanks": ("caf\xe9", "cafe\u0301 ", BLANKS),
    "invisible within an accent": ("caf\xe9", "cafe\u200b\u0301", BLANKS),
}


@pytest.mark.parametrize("case", ALIKE)
def test_names_that_look_alike_are_refused_and_told_apart(case: str) -> None:
    one, other, difference = ALIKE[case]
    with pytest.raises(ValueError, match=difference) as caught:
        distinct((one, "dog", other))
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert message == (
        f"the names {one!a} and {other!a} look alike: they differ only in {difference}; rename one"
    )
    with pytest.raises(ValueError, match="look alike"):
        refuse_misspelt(["dog", other], ["dog", one])


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="the name 'é' is there twice; each needs its own"):
        distinct(("é", "a", "é"))


@pytest.mark.parametrize("name", ["", " ", "\xa0\t", "\u200b", "\x00", "\u2800"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is blank"):
        distinct((name, "cat"))


def test_half_a_character_is_refused() -> None:
    for name in ("\ud800", "a\udfff", "\ud83d\ude00", "\udcc3\udca9"):
        with pytest.raises(ValueError, match="half a character"):
            distinct((name, "cat"))


def test_names_that_differ_visibly_are_allowed() -> None:
    names = ("a", "A", "ab", "a b", "é", "e", "日本", "m²", "m2", "\udcff", "\udcfe", "\U0001f600")
    assert distinct(names) == names
    refuse_misspelt(names, ("a", "x"))


def folder(root: Path, *names: str) -> Folder:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(encoded(gradient(4, 5), "PNG"))
    return Folder(path=str(root))


def test_the_rule_holds_for_folders_and_between_splits(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(folder(tmp_path / "a", "cat", "cat "), ImageSettings(), ClassLabels())
    assert str(caught.value) == (
        f"{tmp_path}/a: the names 'cat' and 'cat ' look alike: they differ only in "
        f"{BLANKS}; rename one."
    )
    test = folder(tmp_path / "b", "cafe\u0301", "dog")
    with pytest.raises(DataError) as caught:
        read(test, ImageSettings(), ClassLabels(("caf\xe9", "dog")))
    assert str(caught.value) == (
        f"{tmp_path}/b: the names 'caf\\xe9' and 'cafe\\u0301' look alike: they differ only "
        f"in {ACCENTS}; rename one. Classes are named as in the training set."
    )


def test_the_rule_holds_for_names_in_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 4, 5), np.uint8), y=np.array(["cat", "cat\xa0"]))
    with pytest.raises(DataError, match=r"'cat' and 'cat\\xa0' look alike"):
        read(Npz(path=str(tmp_path / "d.npz")), ImageSettings(), ClassLabels())

"""The files in broken/ list configs and the exact message, place and caret each is refused with."""

from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "broken").glob("*.txt"))


def cases():
    for file in FILES:
        for section in file.read_text(encoding="utf-8").split("\n=== ")[1:]:
            name, _, rest = section.partition("\n")
            content, expected = rest.split("--- is refused:\n")
            yield pytest.param(content, expected.rstrip("\n"), id=f"{file.stem}: {name}")


@pytest.mark.parametrize(("content", "expected"), list(cases()))
def test_is_refused_in_its_place(content, expected, message_of):
    assert message_of(content) == expected


def test_the_lists_are_read_whole():
    sections = sum(file.read_text(encoding="utf-8").count("===") for file in FILES)
    assert len(list(cases())) == sections > 120

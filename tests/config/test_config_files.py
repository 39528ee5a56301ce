"""Content that is no text, too large or a trap; files that are not there."""

import os
import time
from pathlib import Path

import pytest

from mlptrain.config.load import load_config
from mlptrain.errors import ConfigError

DATA = b"data: {train: x}\n"

BYTES = {
    "empty": (b"", "c.yaml: the file is empty; a config needs at least data: {train: ...}"),
    "only comments": (
        b"# nothing\n\n# else\n",
        "c.yaml: the file is empty; a config needs at least data: {train: ...}",
    ),
    "a NUL": (
        b"data:\n  train: a\0b\n",
        "c.yaml:2:11: a NUL character is not allowed; remove it\n"
        "    2 |   train: a\\x00b\n"
        "      |           ^^^^",
    ),
    "an escape sequence": (
        b"data:\n  train: \x1b[31mx\n",
        "c.yaml:2:10: the character U+001B is not allowed; remove it\n"
        "    2 |   train: \\x1b[31mx\n"
        "      |          ^^^^",
    ),
    "a line separator": (
        "data: {train: a\u2028b}".encode(),
        "c.yaml:1:16: the character U+2028 is not allowed; remove it\n"
        "    1 | data: {train: a\\u2028b}\n"
        "      |                ^^^^^^",
    ),
    "nothing but a byte order mark": (
        b"\xef\xbb\xbf",
        "c.yaml: the file is empty; a config needs at least data: {train: ...}",
    ),
    "a mistake after a byte order mark": (
        b"\xef\xbb\xbfdate: x\n" + DATA,
        "c.yaml:1:1: unknown key 'date'; did you mean 'data'?\n    1 | date: x\n      | ^^^^",
    ),
    "a byte order mark later": (
        DATA + "seed: \ufeff1".encode(),
        "c.yaml:2:7: a byte order mark is not allowed; remove it\n"
        "    2 | seed: \\ufeff1\n"
        "      |       ^^^^^^",
    ),
    "UTF-16": (DATA.decode().encode("utf-16"), "c.yaml: is UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": (
        DATA.decode().encode("utf-16-le"),
        "c.yaml: is UTF-16; save it as UTF-8",
    ),
    "UTF-32": (DATA.decode().encode("utf-32"), "c.yaml: is UTF-32; save it as UTF-8"),
    "Latin-1": (
        b"data:\n  train: caf\xe9/x\n",
        "c.yaml:2:13: the byte 0xe9 is not UTF-8; save the file as UTF-8\n"
        "    2 |   train: caf\\xe9/x\n"
        "      |             ^^^^",
    ),
    "Latin-1 at once": (
        b"\xe9",
        "c.yaml:1:1: the byte 0xe9 is not UTF-8; save the file as UTF-8\n"
        "    1 | \\xe9\n"
        "      | ^^^^",
    ),
    "an integer of 5,000 digits": (
        DATA + b"seed: " + b"7" * 5000,
        "c.yaml:2:7: a number of 5,000 digits; at most 40 are allowed\n"
        f"    2 | seed: {'7' * 94}...\n"
        f"      |       {'^' * 94}",
    ),
    "an integer of 5,000 digits in quotes": (
        DATA + b"seed: '" + b"7" * 5000 + b"'",
        f"c.yaml:2:7: seed must be a whole number, got '{'7' * 28}...{'7' * 28}'\n"
        f"    2 | seed: '{'7' * 93}...\n"
        f"      |       {'^' * 94}",
    ),
    "escapes for the terminal, in a key and a value": (
        DATA + b'training: {class_weight: {"\\e[31m": "\\a"}}',
        "c.yaml:2:37: training.class_weight.\\x1b[31m must be a number, got '\\x07'\n"
        '    2 | training: {class_weight: {"\\e[31m": "\\a"}}\n'
        "      |                                     ^^^^",
    ),
    "100,000 brackets": (
        b"[" * 100_000,
        "c.yaml:1:21: nested more than 20 levels deep\n"
        f"    1 | {'[' * 100}...\n"
        f"      | {' ' * 20}^",
    ),
    "100,000 braces": (
        b"{" * 100_000,
        "c.yaml:1:21: nested more than 20 levels deep\n"
        f"    1 | {'{' * 100}...\n"
        f"      | {' ' * 20}^",
    ),
    "100,000 dashes": (
        b"- " * 100_000,
        "c.yaml:1:41: nested more than 20 levels deep\n"
        f"    1 | ...{' -' * 50}...\n"
        f"      |    {' ' * 25}^",
    ),
    "30,000 values": (
        b"- 0\n" * 30_000,
        "c.yaml:20000:3: more than 20,000 values; a config is small\n20000 | - 0\n      |   ^",
    ),
    "a key of 100,000 characters": (
        DATA + b"? " + b"k" * 100_000 + b"\n: 1\n",
        f"c.yaml:2:3: unknown key '{'k' * 28}...{'k' * 28}'; "
        "use 'extends', 'task', 'data', 'model', 'training', 'seed' or 'plugins'\n"
        f"    2 | ? {'k' * 98}...\n"
        f"      |   {'^' * 98}",
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_content_is_refused_at_once(name, message_of):
    content, expected = BYTES[name]
    start = time.perf_counter()
    assert message_of(content) == expected
    assert time.perf_counter() - start < 600  # it does not hang


MERGE_BOMB = "a: &a {k: 1}\n" + "".join(
    f"{after}: &{after} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
LAUGHS = "a: &a [lol]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("bomb", "line", "problem"),
    [
        (MERGE_BOMB, 2, "c.yaml:2:8: merge keys (<<) are not allowed; write the keys out"),
        (MERGE_BOMB, 2, "c.yaml:2:13: aliases (*) are not allowed; write the value out"),
        (
            LAUGHS,
            1,
            "c.yaml:1:4: anchors (&) are not allowed; write the value out where it is used",
        ),
        (LAUGHS, 2, "c.yaml:2:8: aliases (*) are not allowed; write the value out"),
    ],
)
def test_bombs_do_not_go_off(bomb, line, problem, message_of):
    start = time.perf_counter()
    reports = message_of(bomb)
    assert problem in reports.splitlines()
    assert f"{line:>5} | {bomb.splitlines()[line - 1]}" in reports.splitlines()
    assert time.perf_counter() - start < 600  # it does not hang


@pytest.mark.slow
def test_only_the_first_mistakes_are_shown(message_of):
    message = message_of(DATA + b"".join(b"k%d: 1\n" % i for i in range(9_000)) + b"seed: x")
    assert message.count("unknown key") == 50
    assert "unknown key 'k49'" in message
    assert "seed must" not in message
    assert message.endswith("\n9001 errors in c.yaml; 50 are shown")


def message_of_file(path):
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "c.yaml"
    assert message_of_file(path) == f"{path}: does not exist"


def test_a_folder(tmp_path):
    assert message_of_file(tmp_path) == f"{tmp_path}: is a folder, not a file"


def test_a_file_below_a_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(DATA)
    assert message_of_file(path / "c") == f"{path}/c: cannot be read: Not a directory"


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "c.yaml"
    os.mkfifo(path)
    assert message_of_file(path) == f"{path}: is a pipe or a device, not a file"


def test_an_impossible_name():
    assert message_of_file(Path("c\0.yaml")) == "c\\x00.yaml: is not a possible file name"


def test_a_file_of_more_than_one_mebibyte(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(DATA + b"#" * (1 << 20))
    assert message_of_file(path) == (
        f"{path}: has 1,048,593 bytes; at most 1,048,576 are allowed here"
    )
    path.write_bytes(DATA + b"#" * ((1 << 20) - len(DATA)))
    assert load_config(path).config.seed == 0


def test_a_byte_order_mark_may_begin_the_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + DATA)
    assert load_config(path).config.data.train.path == str(tmp_path / "x")


def test_a_name_that_is_not_utf_8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))
    path.write_bytes(b"")
    assert message_of_file(path) == f"{tmp_path}/\\xff.yaml: is empty"


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "c.yaml").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("configs/c.yaml")).config
    assert config.data.train.path == str(tmp_path / "configs" / "x")

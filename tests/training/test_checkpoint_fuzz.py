"""Checkpoint files made to break the loader: their digest fits, their content does not."""

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from signing import Document, joined, split

from mlptrain.errors import ModelFileError
from mlptrain.training import checkpoint
from mlptrain.training.header import DOCUMENT, MAX_HEADER_BYTES, image_form
from mlptrain.training.trained_model import load_model

pytestmark = pytest.mark.slow


def test_signed_nonsense_is_refused(data: bytes, tmp_path: Path) -> None:
    """Mutants with a correct digest: nothing but ModelFileError comes out, or a usable model."""
    path, random_ = tmp_path / "model", random.Random(1)
    header, arrays = split(data)
    text = json.dumps(header)
    refused = 0
    for trial in range(1000):
        if trial % 3:
            mutant = joined(json.dumps(mutated(header, random_)), arrays)
        else:
            mutant = joined(scrambled(text, random_), arrays)
        path.write_bytes(mutant)
        image_form(path)  # is some form, or None
        try:
            load_model(path)
        except ModelFileError:
            refused += 1
    assert refused > 700


VALUES = (
    None,
    True,
    -1,
    0,
    1.5,
    10**400,
    2**70,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    {},
    [[]],
    float("nan"),
)


def mutated(header: Document, random_: random.Random) -> Document:
    """The header with one to three values, anywhere in it or its document, replaced or removed."""
    header = json.loads(json.dumps(header))
    document = json.loads(header["__metadata__"][DOCUMENT])
    for _ in range(random_.randint(1, 3)):
        node: Any = document if random_.random() < 0.7 else header
        while True:
            keys = list(node) if isinstance(node, dict) else range(len(node))
            key = random_.choice(list(keys) or [0])
            inner = node[key] if keys else None
            if not isinstance(inner, dict | list) or not inner or random_.random() < 0.2:
                break
            node = inner
        if not keys:
            continue
        action = random_.randrange(3)
        if action == 0:
            del node[key]
        elif action == 1 and isinstance(node, dict):
            node[random_.choice(["x", "", "type", "parameters/x"])] = node.pop(key)
        else:
            node[key] = random_.choice(VALUES)
    if isinstance(header.get("__metadata__"), dict):
        header["__metadata__"].setdefault(DOCUMENT, json.dumps(document))
        if random_.random() < 0.9:
            header["__metadata__"][DOCUMENT] = json.dumps(document)
    return header


def scrambled(text: str, random_: random.Random) -> str:
    """The text with a piece of it cut out, doubled or replaced."""
    start = random_.randrange(len(text))
    piece = text[start : start + random_.randint(1, 20)]
    other = random_.choice(["", piece * 2, "9" * 5000, "[" * 5000, '"', "}", "\\", "\0", "\ud800"])
    return text[:start] + other + text[start + len(piece) :]


def lying(data: bytes) -> dict[str, bytes]:
    """Signed files whose headers ask for more memory than the file has bytes."""
    header, arrays = split(data)

    def document(text: str) -> bytes:
        return joined(json.dumps({**header, "__metadata__": {DOCUMENT: text}}), arrays)

    huge = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return {
        "one huge array": joined(json.dumps({**header, "parameters/x": huge}), arrays),
        "many empty arrays": joined(json.dumps({f"{i}": empty for i in range(300_000)}), b""),
        "as many as fit": joined(json.dumps({f"{i}": empty for i in range(8_000)}), b""),
        "a long header": joined(json.dumps(header) + " " * MAX_HEADER_BYTES, arrays),
        "lists": document("[" + "[]," * (MAX_HEADER_BYTES // 4) + "[]]"),
        "deep": document("[" * (MAX_HEADER_BYTES - 100_000)),
    }


def resident(name: str) -> int:
    """A number of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def test_a_lying_header_takes_no_memory(data: bytes, tmp_path: Path) -> None:
    for name, content in lying(data).items():
        path = tmp_path / name
        path.write_bytes(content)
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
        before = resident("VmRSS")
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            checkpoint.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        limit = 2 * len(content) + (16 << 20)
        assert peak < limit, f"{name}: {peak:,} bytes of Python objects"
        assert resident("VmHWM") - before < limit + (16 << 20), name  # tracemalloc's own included

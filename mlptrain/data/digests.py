"""Digests of pixels or numbers, which identify examples."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.loading.mapping import release
from mlptrain.text import exact

DIGEST_BYTES = 16  # of SHA-256: two of a billion images agree with probability 1e-21

_PART_BYTES = 16 << 20

Inputs = NDArray[Any]  # (N, …), images uint8 or numbers


def in_parts(inputs: Inputs, rows: NDArray[np.int64] | None = None) -> Iterator[Inputs]:
    """The inputs (N, …) at `rows` (n,), in that order, or all of them; in parts (m, …), so that
    memory stays small."""
    count = len(inputs) if rows is None else len(rows)
    size = max(1, _PART_BYTES // max(1, inputs[:1].nbytes))
    for first in range(0, count, size):
        if rows is None:
            yield inputs[first : first + size]
        else:
            part = rows[first : first + size]
            whole = part[-1] - part[0] == len(part) - 1 and bool(np.all(np.diff(part) == 1))
            yield inputs[part[0] : part[-1] + 1] if whole else inputs[part]
        release(inputs)


def digests_of(inputs: Inputs, rows: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """(n, 16): the digests of the inputs (N, …) at `rows` (n,), or of all of them."""
    digests = bytearray()
    for part in in_parts(inputs, rows):
        for numbers in np.ascontiguousarray(part).reshape(len(part), -1):
            digests += hashlib.sha256(numbers.data).digest()[:DIGEST_BYTES]
    return np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)


def keys_of(digests: NDArray[np.uint8]) -> list[bytes]:
    """The rows of digests (n, 16) as bytes, to look up in sets."""
    keys: list[bytes] = digests.view(f"V{DIGEST_BYTES}").reshape(-1).tolist()
    return keys


def originals(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(n,) for each image, the index of the first image with the same pixels: its own index if it
    is no copy. digests (n, 16)."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(k, i) for i, k in enumerate(keys_of(digests))], np.int64)


def fingerprint(
    shape: tuple[int, ...],
    digests: NDArray[np.uint8],
    targets: Sequence[str],
    target_names: Sequence[str],
    names: Sequence[str],
    weights: Sequence[str],
) -> str:
    """SHA-256 in hex over the inputs of n examples, each of `shape`, the texts of their targets and
    of the target names, the examples' names, and their weights in the loss, if they have any. It
    does not depend on where the data is stored; it changes if an example is changed, renamed,
    added, removed or given another weight."""
    digest = hashlib.sha256(repr((len(names), *shape)).encode())
    digest.update(np.ascontiguousarray(digests).data)
    for texts in (targets, target_names, names, weights):
        encoded = [exact(text).encode() for text in texts]
        digest.update(b"".join([len(each).to_bytes(8) + each for each in encoded]))
    return digest.hexdigest()

"""The memory that arrays in files take: once what they hold, and next to nothing if refused."""

import gzip
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from array_files import idx

from mlptrain.data.sources.idx import Idx
from mlptrain.data.sources.npz import Npz
from mlptrain.errors import DataError

ONE = np.random.default_rng(0).integers(0, 4, (1, 50, 50)).astype(np.uint8)
MANY = np.repeat(ONE, 4000, axis=0)  # takes little time to compress


def peak_of(source: Idx | Npz) -> int:
    """Bytes that reading `source` takes at most; what is refused, too."""
    tracemalloc.start()
    with suppress(DataError):
        source.content()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_pixels_are_in_memory_once(packed: object, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(packed(idx(MANY)))
    (tmp_path / "y").write_bytes(packed(idx(np.zeros(len(MANY), "u1"))))
    assert peak_of(Idx(images=f"{tmp_path}/x", labels=f"{tmp_path}/y")) < MANY.nbytes + 5_000_000
    save = np.savez if packed is bytes else np.savez_compressed
    save(tmp_path / "d.npz", x=MANY, y=np.zeros(len(MANY), int))
    assert peak_of(Npz(path=f"{tmp_path}/d.npz")) < MANY.nbytes + 5_000_000


def test_images_of_other_labels_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(idx(MANY)))
    (tmp_path / "y").write_bytes(idx(np.zeros(len(MANY) - 1, "u1")))
    assert peak_of(Idx(images=f"{tmp_path}/x", labels=f"{tmp_path}/y")) < 2_000_000
    np.savez_compressed(tmp_path / "d.npz", x=MANY, y=np.zeros(len(MANY) - 1, int))
    assert peak_of(Npz(path=f"{tmp_path}/d.npz")) < 2_000_000

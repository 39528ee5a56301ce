"""IDX files: read exactly, and refused before they take memory."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from array_files import IMAGES, LABELS, idx

from mlptrain.data.sources.idx import Idx
from mlptrain.data.sources.source import Arrays
from mlptrain.errors import DataError


def read_pair(folder: Path, images: bytes, labels: bytes) -> Arrays:
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)
    return Idx(images=str(folder / "images"), labels=str(folder / "labels")).content()


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_idx_files_of_every_kind(dtype: str, packed: object, tmp_path: Path) -> None:
    content = read_pair(tmp_path, packed(idx(IMAGES)), packed(idx(LABELS.astype(dtype))))
    np.testing.assert_array_equal(content.inputs, IMAGES[..., None])
    np.testing.assert_array_equal(content.labels, LABELS)
    assert (content.root, content.name) == (str(tmp_path), "images")


LIE = struct.pack(">3I", 3, 1 << 20, 1 << 20)
PACKED = len(gzip.compress(idx(IMAGES)[:4] + LIE, mtime=0))
DAMAGED_GZIP = (
    ": is damaged: its gzip data cannot be decompressed, or its checksum is wrong. "
    "Copy or download it again."
)
BROKEN_IDX = {
    "empty": (b"", ": is empty"),
    "text": (b"hello", ": is not an IDX file: it starts with b'hell'"),
    "png": (b"\x89PNG", ": is not an IDX file: it starts with b'\\x89PNG'"),
    "no sizes": (
        bytes([0, 0, 8, 3]),
        ": is cut off in its header",
    ),
    "cut": (
        idx(IMAGES)[:-1],
        ": is cut off or damaged: its header (3, 4, 5) asks for 60 bytes, there are at most 59",
    ),
    "tail": (
        idx(IMAGES) + b"x",
        ": is damaged: it goes on after the 60 bytes of its header (3, 4, 5)",
    ),
    "lie": (
        idx(IMAGES)[:4] + LIE,
        ": is cut off or damaged: its header (3, 1048576, 1048576) asks for "
        "3,298,534,883,328 bytes, there are at most 0",
    ),
    "lie, gzipped": (
        gzip.compress(idx(IMAGES)[:4] + LIE, mtime=0),
        ": is cut off or damaged: its header (3, 1048576, 1048576) asks for "
        f"3,298,534,883,328 bytes, there are at most {PACKED * 1032 - 16:,}",
    ),
    "cut, gzipped": (gzip.compress(idx(IMAGES)[:-1]), ": is cut off: 1 of 60 bytes are missing"),
    "bomb": (
        gzip.compress(idx(IMAGES) + bytes(30_000_000)),
        ": is damaged: it goes on after the 60 bytes of its header (3, 4, 5)",
    ),
    "cut gzip": (
        gzip.compress(idx(IMAGES))[:-9],
        ": is cut off: the end of its gzip data is missing. Copy or download it again.",
    ),
    "no gzip data": (gzip.compress(b"")[:10] + bytes([255]) * 20, DAMAGED_GZIP),
    "another checksum": (
        gzip.compress(idx(IMAGES))[:-8] + bytes(4) + gzip.compress(idx(IMAGES))[-4:],
        DAMAGED_GZIP,
    ),
    "another gzip method": (b"\x1f\x8b\x09" + bytes(20), DAMAGED_GZIP),
    "float": (
        idx(IMAGES.astype("f4")),
        ": is float32. Allowed is uint8, gray levels 0 to 255. "
        "Convert it, for values in [0, 1] with (255 * x).round().astype('uint8').",
    ),
    "flat": (
        idx(IMAGES[0]),
        ": has shape (4, 5). Allowed are (n, height, width) and (n, height, width, 1 or 3).",
    ),
    "no images": (
        idx(IMAGES[:0]),
        ": has shape (0, 4, 5). Allowed are (n, height, width) and (n, height, width, 1 or 3).",
    ),
}


@pytest.mark.parametrize("name", BROKEN_IDX)
def test_idx_errors(name: str, tmp_path: Path) -> None:
    data, message = BROKEN_IDX[name]
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        read_pair(tmp_path, data, idx(LABELS.astype("u1")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value) == f"{tmp_path}/images{message}"
    assert peak < 2_000_000


def test_every_cut_of_a_gzipped_file_is_refused(tmp_path: Path) -> None:
    data = gzip.compress(idx(IMAGES))
    for length in range(len(data)):
        with pytest.raises(DataError):
            read_pair(tmp_path, data[:length], idx(LABELS.astype("u1")))


def test_counts_must_agree(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images: has 3 images, but .*labels has 2 labels"):
        read_pair(tmp_path, idx(IMAGES), idx(LABELS[:2].astype("u1")))
    with pytest.raises(DataError, match=r"labels: is float32\. Allowed are integers from 0"):
        read_pair(tmp_path, idx(IMAGES), idx(LABELS.astype("f4")))


def test_labels_may_be_a_column(tmp_path: Path) -> None:
    content = read_pair(tmp_path, idx(IMAGES), idx(LABELS[:, None].astype("u1")))
    np.testing.assert_array_equal(content.labels, LABELS)


def test_labels_below_0_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"labels: holds the label -1\. Allowed are integers from 0"
    ):
        read_pair(tmp_path, idx(IMAGES), idx((LABELS - 1).astype("i1")))

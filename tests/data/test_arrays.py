"""IDX and .npz files: read exactly, and refused before they take memory."""

import gzip
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mlptrain.data.idx import Idx
from mlptrain.data.npz import Npz
from mlptrain.data.source import Pixels
from mlptrain.errors import DataError

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([2, 0, 1])


def idx(array: np.ndarray) -> bytes:
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13}[array.dtype.str[1:]]
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return (
        bytes([0, 0, code, array.ndim])
        + sizes
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def read_pair(folder: Path, images: bytes, labels: bytes) -> Pixels:
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)
    return Idx(images=str(folder / "images"), labels=str(folder / "labels")).content()


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_idx_files_of_every_kind(dtype: str, packed: object, tmp_path: Path) -> None:
    content = read_pair(tmp_path, packed(idx(IMAGES)), packed(idx(LABELS.astype(dtype))))
    np.testing.assert_array_equal(content.images, IMAGES[..., None])
    np.testing.assert_array_equal(content.labels, LABELS)
    assert (content.root, content.name) == (str(tmp_path), "images")


HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 20, 1 << 10, 1 << 10)
BROKEN_IDX = {
    "empty": (b"", ": is empty"),
    "text": (b"hello", ": is not an IDX file: it starts with b'hell'"),
    "png": (b"\x89PNG", ": is not an IDX file: it starts with b'\\x89PNG'"),
    "no sizes": (
        bytes([0, 0, 8, 3]),
        ": is cut off or damaged: its header [] asks for 17 bytes",
    ),
    "cut": (
        idx(IMAGES)[:-1],
        ": is cut off or damaged: its header [3, 4, 5] asks for 76 bytes",
    ),
    "tail": (
        idx(IMAGES) + b"x",
        ": is cut off or damaged: its header [3, 4, 5] asks for 76 bytes",
    ),
    "lie": (
        HUGE,
        ": is cut off or damaged: its header [1048576, 1024, 1024] asks for "
        "1,099,511,627,792 bytes",
    ),
    "lie, gzipped": (
        gzip.compress(HUGE),
        ": is cut off or damaged: its header [1048576, 1024, 1024] asks for "
        "1,099,511,627,792 bytes",
    ),
    "cut, gzipped": (gzip.compress(idx(IMAGES)[:-1]), ": is cut off: 1 bytes are missing"),
    "bomb": (
        gzip.compress(idx(IMAGES) + bytes(30_000_000)),
        ": is damaged: more than the 76 bytes of its header [3, 4, 5]",
    ),
    "cut gzip": (
        gzip.compress(idx(IMAGES))[:-9],
        ": is damaged: Compressed file ended before the end-of-stream marker was reached",
    ),
    "float": (
        idx(IMAGES.astype("f4")),
        ": holds float32 (3, 4, 5). Allowed are uint8 (n, height, width) or (…, 3).",
    ),
    "flat": (
        idx(IMAGES[0]),
        ": holds uint8 (4, 5). Allowed are uint8 (n, height, width) or (…, 3).",
    ),
    "no images": (
        idx(IMAGES[:0]),
        ": holds uint8 (0, 4, 5, 1). Allowed are uint8 (n, height, width) or (…, 3).",
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
    with pytest.raises(DataError, match=r"has 2 labels, but .*images has 3 images"):
        read_pair(tmp_path, idx(IMAGES), idx(LABELS[:2].astype("u1")))
    with pytest.raises(DataError, match=r"labels: holds float32 \(3,\). Allowed are integers"):
        read_pair(tmp_path, idx(IMAGES), idx(LABELS.astype("f4")))


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read_npz(folder: Path, data: bytes) -> Pixels:
    (folder / "d.npz").write_bytes(data)
    return Npz(path=str(folder / "d.npz")).content()


@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_files_of_every_kind(channels: int, order: str, tmp_path: Path) -> None:
    x = np.asarray(np.random.default_rng(0).integers(0, 256, (3, 4, 5, channels or 1)), np.uint8)
    written = np.asarray(x if channels else x[..., 0], order=order)
    content = read_npz(tmp_path, npz(x=written, y=LABELS.astype(np.int16)))
    np.testing.assert_array_equal(content.images, x)
    assert content.images.flags.c_contiguous
    np.testing.assert_array_equal(content.labels, LABELS)
    named = read_npz(tmp_path, npz(x=written, y=np.array(["b", "äh", "b"])))
    assert named.labels == ("b", "äh", "b")


def lying_npz() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 10, 1 << 10)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"pixels")
    return file.getvalue()


BROKEN_NPZ = {
    "text": (b"hello world", ": is damaged: File is not a zip file"),
    "no x": (
        npz(images=IMAGES, y=LABELS),
        ": has no array 'x', it holds images, y. Set x and y to two of these",
    ),
    "lie": (lying_npz(), ": is damaged: x claims 1,099,511,627,776 bytes it does not have"),
    "object": (
        npz(x=np.array([None] * 3), y=LABELS),
        ": holds object (3,); Python objects are never loaded",
    ),
    "float": (
        npz(x=IMAGES / 255, y=LABELS),
        ": x is float64. Allowed is uint8, gray levels 0 to 255. "
        "Convert it, for values in [0, 1] with (255 * x).round().astype('uint8').",
    ),
    "channels first": (
        npz(x=IMAGES[:, None], y=LABELS),
        ": x has shape (3, 1, 4, 5). Allowed are (n, height, width) and "
        "(n, height, width, 1 or 3).",
    ),
    "column": (
        npz(x=IMAGES, y=LABELS[:, None]),
        ": y has shape (3, 1). Allowed is (3,), one label per image.",
    ),
    "float labels": (
        npz(x=IMAGES, y=LABELS / 2),
        ": y is float64. Allowed are integers from 0 and strings.",
    ),
}


@pytest.mark.parametrize("name", BROKEN_NPZ)
def test_npz_errors(name: str, tmp_path: Path) -> None:
    data, message = BROKEN_NPZ[name]
    with pytest.raises(DataError) as caught:
        read_npz(tmp_path, data)
    assert str(caught.value) == f"{tmp_path}/d.npz{message}"


def test_damaged_npz_files_raise_nothing_but_data_errors(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = npz(x=IMAGES, y=LABELS)
    for length in range(1, len(data)):
        with pytest.raises(DataError):
            read_npz(tmp_path, data[:length])
    for _ in range(500):
        damaged = bytearray(data)
        damaged[random.integers(len(data))] = random.integers(256)
        try:
            content = read_npz(tmp_path, bytes(damaged))
        except DataError:
            continue
        np.testing.assert_array_equal(content.images[..., 0], IMAGES)

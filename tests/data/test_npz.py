""".npz files: read exactly, by split, and refused before they take memory."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from array_files import IMAGES, LABELS, npz

from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.source import Arrays
from mlptrain.errors import DataError


def read_npz(folder: Path, data: bytes) -> Arrays:
    (folder / "d.npz").write_bytes(data)
    return Npz(path=str(folder / "d.npz")).content()


@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_files_of_every_kind(channels: int, order: str, tmp_path: Path) -> None:
    x = np.asarray(np.random.default_rng(0).integers(0, 256, (3, 4, 5, channels or 1)), np.uint8)
    written = np.asarray(x if channels else x[..., 0], order=order)
    content = read_npz(tmp_path, npz(x=written, y=LABELS.astype(np.int16)))
    np.testing.assert_array_equal(content.inputs, x)
    assert content.inputs.flags.c_contiguous
    np.testing.assert_array_equal(content.labels, LABELS)
    named = read_npz(tmp_path, npz(x=written, y=np.array(["b", "äh", "b"])))
    assert named.labels == ("b", "äh", "b")


def lying_npz() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (3, 1 << 20, 1 << 20)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"pixels")
        labels = io.BytesIO()
        np.save(labels, LABELS)
        archive.writestr("y.npy", labels.getvalue())
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def changed(data: bytes, place: int, value: bytes) -> bytes:
    return data[:place] + value + data[place:][len(value) :]


WHOLE = npz(x=IMAGES, y=LABELS)
DIRECTORY = WHOLE.index(b"PK\x01\x02")
DAMAGED = (
    ": is damaged: its zip archive cannot be unpacked, or a checksum in it is wrong. "
    "Copy or download it again."
)
NO_ARRAY = (
    ": holds y.npy, which is not a NumPy array. "
    "Write the file with numpy.savez(file, x=images, y=labels)."
)
BROKEN_NPZ = {
    "text": (
        b"hello world",
        ": is not an .npz file: it starts with b'hell'. "
        "Write one with numpy.savez(file, x=images, y=labels).",
    ),
    "cut": (
        WHOLE[:-30],
        ": is cut off: the table of contents at its end is missing. Copy or download it again.",
    ),
    "another checksum": (changed(WHOLE, DIRECTORY + 16, bytes(4)), DAMAGED),
    "no deflated data": (changed(WHOLE, 60, b"\xff" * 20), DAMAGED),
    "a place before the start": (changed(WHOLE, len(WHOLE) - 6, b"\xff\xff\xff"), DAMAGED),
    "a member of nothing": (zipped(x=b"", y=b""), NO_ARRAY),
    "a member of text": (zipped(x=b"hello world", y=b"hello world"), NO_ARRAY),
    "a header of text": (zipped(x=b"", y=b"\x93NUMPY\x01\x00\x03\x00abc"), NO_ARRAY),
    "no x": (
        npz(images=IMAGES, y=LABELS),
        ": has no array 'x', it holds images, y. Name images and labels: "
        "{path: PATH, x: images, y: y}",
    ),
    "lie": (
        lying_npz(),
        ": x is cut off or damaged: its header (3, 1048576, 1048576) asks for "
        "3,298,534,883,328 bytes, there are at most 6",
    ),
    "object": (
        npz(x=IMAGES, y=np.array(["a", "b", "c"], object)),
        ": y is object. Allowed are integers from 0 and strings. "
        "Convert whole numbers with y.astype('int64'), names with y.astype('str').",
    ),
    "int": (
        npz(x=IMAGES.astype(int), y=LABELS),
        ": x is int64. Allowed are uint8, the gray levels 0 to 255 of images, and floats, numbers. "
        "Convert it with x.astype('uint8') or x.astype('float32').",
    ),
    "channels first": (
        npz(x=IMAGES[:, None], y=LABELS),
        ": x has shape (3, 1, 4, 5). Allowed are (n, height, width) and "
        "(n, height, width, 1 or 3).",
    ),
    "one-hot": (
        npz(x=IMAGES, y=np.eye(3, dtype=int)),
        ": y has shape (3, 3). Allowed are (n,) and (n, 1), one label per image. "
        "Turn one-hot rows into numbers with y.argmax(axis=1).",
    ),
    "float labels": (
        npz(x=IMAGES, y=LABELS.astype(float)),
        ": y is float64. Allowed are integers from 0 and strings. "
        "Convert whole numbers with y.astype('int64'), names with y.astype('str').",
    ),
    "negative label": (
        npz(x=IMAGES, y=LABELS - 1),
        ": y holds the label -1. Allowed are integers from 0.",
    ),
    "label beyond int64": (
        npz(x=IMAGES, y=np.array([0, 1, 2**64 - 1], np.uint64)),
        ": y holds the label 18446744073709551615. Allowed are integers from 0.",
    ),
    "half a character": (
        npz(x=IMAGES, y=np.array(["a", "b", "cd\ud800"])),
        ": y is not text: the label 2 holds U+D800, which is no character",
    ),
    "beyond Unicode": (
        npz(x=IMAGES, y=np.array([97, 0x7FFFFFFF, 98], ">u4").view(">U1")),
        ": y is not text: the label 1 holds U+7FFFFFFF, which is no character",
    ),
    "fewer labels": (
        npz(x=IMAGES, y=LABELS[:2]),
        ": x has 3 images, but y has 2 labels. They must belong together.",
    ),
}


@pytest.mark.parametrize("name", BROKEN_NPZ)
def test_npz_errors(name: str, tmp_path: Path) -> None:
    data, message = BROKEN_NPZ[name]
    with pytest.raises(DataError) as caught:
        read_npz(tmp_path, data)
    place = f"{tmp_path}/d.npz"
    assert str(caught.value) == place + message.replace("PATH", place)


def test_a_weight_that_is_not_there_is_told_what_is(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    path.write_bytes(npz(x=IMAGES, y=LABELS, w=np.ones(3)))
    assert Npz(path=str(path)).content(weight="w").weights is not None
    with pytest.raises(DataError) as caught:
        Npz(path=str(path)).content(weight="weight")
    assert str(caught.value) == (
        f"{path}: has no array 'weight', it holds x, y, w. Name the one that holds the examples' "
        "weights in data.weight, or remove that key."
    )


@pytest.mark.slow
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
        np.testing.assert_array_equal(content.inputs[..., 0], IMAGES)


def test_labels_may_be_a_column(tmp_path: Path) -> None:
    content = read_npz(tmp_path, npz(x=IMAGES, y=LABELS[:, None]))
    np.testing.assert_array_equal(content.labels, LABELS)
    named = read_npz(tmp_path, npz(x=IMAGES, y=np.array([["b"], ["a"], ["b"]])))
    assert named.labels == ("b", "a", "b")


def keras(*splits: str) -> bytes:
    """A file like Keras' mnist.npz; each split's images are full of the split's number."""
    arrays = {f"x_{name}": np.full_like(IMAGES, i) for i, name in enumerate(splits)}
    return npz(**arrays, **{f"y_{name}": LABELS for name in splits})


@pytest.mark.parametrize(
    ("held", "split", "found"),
    [
        (("train", "test"), "train", "train"),
        (("train", "test"), "test", "test"),
        (("train", "test"), "data", "test"),
        (("train", "val", "test"), "validation", "val"),
        (("train", "valid", "test"), "validation", "valid"),
        (("train", "test"), "validation", None),
        (("train",), "data", None),
    ],
)
def test_a_file_of_several_splits_gives_the_one_it_is_read_for(
    held: tuple[str, ...], split: str, found: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "mnist.npz"
    path.write_bytes(keras(*held))
    source = Npz(path=str(path)).of_split(split)
    if found is None:
        x, y = f"x_{held[-1]}", f"y_{held[-1]}"
        with pytest.raises(DataError, match=rf"has no array 'x', .*, x: {x}, y: {y}\}}$"):
            source.content()
        return
    content = source.content()
    assert content.name == f"mnist.npz:x_{found}"
    assert set(content.inputs.flat) == {held.index(found)}


def test_inputs_alone_need_no_labels(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(npz(images=IMAGES, labels=LABELS))
    wanted = r"has no array 'x', it holds images, labels\. Give the inputs that name: .*x=inputs\)"
    with pytest.raises(DataError, match=wanted):
        Npz(path=str(tmp_path / "d.npz")).content(())
    assert len(Npz(path=str(tmp_path / "d.npz"), x="images").content(()).labels) == len(IMAGES)


@pytest.mark.parametrize("dtype", ["complex64", "O", "U3", "int64"])
def test_inputs_are_images_or_numbers(dtype: str, tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(npz(x=np.ones((3, 2), dtype), y=LABELS))
    with pytest.raises(DataError, match=r"x is .*Allowed are uint8, .*, and floats, numbers"):
        Npz(path=str(tmp_path / "d.npz")).content()


def test_named_arrays_are_taken_for_any_split(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(keras("train", "test"))
    source = Npz(path=str(tmp_path / "d.npz"), x="x_test", y="y_test")
    assert source.of_split("train") == source
    (tmp_path / "plain.npz").write_bytes(npz(x=IMAGES, y=LABELS, x_test=IMAGES, y_test=LABELS))
    plain = Npz(path=str(tmp_path / "plain.npz"))
    assert plain.of_split("test") == plain

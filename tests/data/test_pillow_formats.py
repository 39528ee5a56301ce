"""TIFF and PNM, where they are allowed, and what all formats say of cut files and metadata."""

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, exif, gradient
from PIL import Image

from mlptrain.data.images.arrays import load_image, resolve
from mlptrain.data.images.settings import ImageSettings
from mlptrain.errors import DataError

FORMATS = ("bmp", "gif", "webp", "tiff", "pnm")
SIXTEEN = np.arange(65536, dtype=np.uint16).reshape(256, 256)
EXACT = np.round(np.arange(65536) / 65535 * 255).reshape(256, 256)


def load(tmp_path: Path, data: bytes) -> np.ndarray:
    path = tmp_path / "image"
    path.write_bytes(data)
    settings, _ = resolve(ImageSettings(formats=FORMATS), [str(path)])
    return load_image(str(path), settings)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("channels", [1, 3])
def test_plain_tiffs_have_their_pixels(compression: str, channels: int, tmp_path: Path) -> None:
    pixels = gradient(40, 30, channels)
    data = encoded(pixels, "TIFF", compression=compression)
    np.testing.assert_array_equal(load(tmp_path, data), pixels)


@pytest.mark.parametrize("kind", ["P5 28 28 255\n", "P2 28 28 255\n", "P5\n# c\n28 28\n255\n"])
def test_pnm_has_its_pixels(kind: str, tmp_path: Path) -> None:
    pixels = gradient()
    text = " ".join(map(str, pixels.ravel())).encode()
    content = text if kind.startswith("P2") else pixels.tobytes()
    np.testing.assert_array_equal(load(tmp_path, kind.encode() + content), pixels)
    colours = gradient(channels=3)
    np.testing.assert_array_equal(load(tmp_path, b"P6 28 28 255\n" + colours.tobytes()), colours)


@pytest.mark.slow
def test_16_bits_follow_the_one_rule(tmp_path: Path) -> None:
    for data in (
        b"P5 256 256 65535\n" + SIXTEEN.astype(">u2").tobytes(),
        b"P2 256 256 65535\n" + " ".join(map(str, SIXTEEN.ravel())).encode(),
        encoded(Image.fromarray(SIXTEEN), "TIFF"),
    ):
        np.testing.assert_array_equal(load(tmp_path, data)[..., 0], EXACT)
    colours = np.stack([SIXTEEN, SIXTEEN.T, SIXTEEN[::-1]], axis=2)
    data = b"P6 256 256 65535\n" + colours.astype(">u2").tobytes()
    exact = np.stack([EXACT, EXACT.T, EXACT[::-1]], axis=2)
    np.testing.assert_array_equal(load(tmp_path, data), exact)


def test_a_tiff_is_upright(tmp_path: Path) -> None:
    pixels = gradient(5, 9)
    data = encoded(pixels, "TIFF", tiffinfo={274: 6})
    np.testing.assert_array_equal(load(tmp_path, data), np.rot90(pixels, -1))


PLAIN = gradient(40, 30, 3)
REFUSED = {
    "float": (Image.new("F", (8, 8)), {}, "is a TIFF of another kind"),
    "32 bits": (Image.new("I", (8, 8)), {}, "is a TIFF of another kind"),
    "inside a JPEG": (PLAIN, {"compression": "jpeg"}, "is a TIFF compressed with jpeg"),
    "a preview": (PLAIN, {"tiffinfo": {254: 1}}, "is a TIFF that starts with a preview"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_tiffs_are_refused(name: str, tmp_path: Path) -> None:
    image, options, reason = REFUSED[name]
    with pytest.raises(DataError, match=reason):
        load(tmp_path, encoded(image, "TIFF", **options))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_cut_tiffs_are_refused(compression: str, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(PLAIN), "TIFF", compression=compression)
    for length in range(8, len(data), 7):
        refused_or_whole(tmp_path, data[:length])


@pytest.mark.parametrize("kind", [b"P6 30 40 255\n", b"P6 30 40 254\n", b"P6 30 40 65535\n"])
def test_cut_pnms_are_refused(kind: bytes, tmp_path: Path) -> None:
    data = kind + PLAIN.tobytes() * (2 if kind.endswith(b"5535\n") else 1)
    load(tmp_path, data)
    for length in range(8, len(data), 61):
        with pytest.raises(DataError):
            load(tmp_path, data[:length])


def refused_or_whole(tmp_path: Path, data: bytes) -> None:
    try:
        pixels = load(tmp_path, data)
    except DataError:
        return
    np.testing.assert_array_equal(pixels, PLAIN)


@pytest.mark.parametrize("block", [b"", b"no EXIF", exif(6)[:20], b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_broken_exif_does_not_decide_whether_a_webp_can_be_read(
    block: bytes, tmp_path: Path
) -> None:
    pixels = gradient(20, 30, 3)
    data = encoded(pixels, "WebP", lossless=True, exif=block, icc_profile=b"no profile")
    np.testing.assert_array_equal(load(tmp_path, data), pixels)


def test_what_is_read_of_nothing_known_is_named(tmp_path: Path) -> None:
    for data, name in (
        (b"\0\0\0\x20ftypheic", "a HEIC image"),
        (b"\0\0\0\x20ftypmif1", "a HEIC image"),
        (b"\0\0\0\x20ftypavif", "an AVIF image"),
        (b"\0\0\0\x20ftypcrx ", "a camera raw image"),
        (b"II*\0\x10\0\0\0CR\2\0", "a camera raw image"),
        (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 image"),
        (b"\xff\x0a\0", "a JPEG XL image"),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"8BPS\0\1", "a Photoshop image"),
    ):
        path = tmp_path / "image.jpg"
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            load_image(str(path), ImageSettings(mode="rgb", height=2, width=2))
        wanted = f"is {name}, which mlptrain cannot read. Convert it to PNG or JPEG"
        assert str(caught.value) == f"{path}: {wanted}"

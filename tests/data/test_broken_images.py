"""What cannot be read is refused with a reason that names it, and never with another exception."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import chunk, encoded, exif, gradient, png, resigned
from PIL import Image

from mlptrain.data.images.arrays import load_image, resolve
from mlptrain.data.images.decoding import explained
from mlptrain.data.images.settings import ImageSettings
from mlptrain.errors import DataError

ALL = ("png", "jpeg", "bmp", "gif", "webp", "tiff", "pnm")
SMALL = ImageSettings(mode="rgb", height=8, width=8)
ANY = ImageSettings(mode="rgb", height=8, width=8, formats=ALL)
BOMB = png(13300, 13300, 1, 0, bytes(1663))
BIG = Image.new("L", (1000, 800))
NO_IMAGE = f"is not an image of the formats {', '.join(ALL)}"
LIMITED = ANY.model_copy(update={"max_pixels": 640_000})
RAISE_IT = "Raise data.image.max_pixels, or for a trained model --max-pixels"
TOO_BIG = f"decodes to 1000×800, 800,000 pixels; 640,000 are allowed. {RAISE_IT}"


def refusal(path: Path | str, settings: ImageSettings = SMALL) -> str:
    with pytest.raises(DataError) as caught:
        load_image(str(path), settings)
    assert type(caught.value) is DataError
    return str(caught.value).removeprefix(f"{path}: ")


UNDECODABLE = "is damaged or cut off, or of a kind that is not read. Replace it, or save it as PNG"
CONTENTS = {
    "nothing": (b"", SMALL, "is empty"),
    "text": (
        b"hello world",
        SMALL,
        "is not an image of the formats png, jpeg: it starts with b'hello wo'",
    ),
    "one byte": (
        b"\x89",
        ANY,
        f"{NO_IMAGE}: it starts with b'\\x89'",
    ),
    "gif": (
        encoded(gradient(), "GIF"),
        SMALL,
        "is a GIF image; allowed are png, jpeg. Convert it, or add gif to data.image.formats, or "
        "for a trained model to --formats",
    ),
    "webp": (
        encoded(gradient(), "WebP"),
        SMALL,
        "is a WebP image; allowed are png, jpeg. Convert it, or add webp to data.image.formats, or "
        "for a trained model to --formats",
    ),
    "tiff": (
        encoded(gradient(), "TIFF"),
        SMALL,
        "is a TIFF image; allowed are png, jpeg. Convert it, or add tiff to data.image.formats, or "
        "for a trained model to --formats",
    ),
    "heic": (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        ANY,
        "is a HEIC image, which mlptrain cannot read. Convert it to PNG or JPEG",
    ),
    "bomb of 78 bytes": (
        BOMB,
        SMALL,
        f"decodes to 13300×13300, 176,890,000 pixels; 64,000,000 are allowed. {RAISE_IT}",
    ),
    "large jpeg for a large form": (
        encoded(BIG, "JPEG"),
        LIMITED.model_copy(update={"height": 401}),
        TOO_BIG,
    ),
    "large progressive jpeg": (encoded(BIG, "JPEG", progressive=True), LIMITED, TOO_BIG),
    "large bmp": (encoded(BIG, "BMP"), LIMITED, TOO_BIG),
    "large gif": (encoded(BIG, "GIF"), LIMITED, TOO_BIG),
    "large tiff": (encoded(BIG, "TIFF", compression="tiff_lzw"), LIMITED, TOO_BIG),
    "large ppm": (b"P6 1000 800 255\n", LIMITED, TOO_BIG),
    "large lossy webp": (encoded(BIG, "WebP", method=0), LIMITED, TOO_BIG),
    "large lossless webp": (encoded(BIG, "WebP", lossless=True, method=0), LIMITED, TOO_BIG),
    "large extended webp": (encoded(BIG, "WebP", exif=exif(6), method=0), LIMITED, TOO_BIG),
    "webp without a header": (
        b"RIFF\x04\0\0\0WEBPVP8 ",
        ANY,
        "is damaged: its header is cut off or unknown",
    ),
    "cut bmp": (encoded(gradient(), "BMP")[:-1], ANY, UNDECODABLE),
    "cut gif": (encoded(gradient(), "GIF")[:20], ANY, UNDECODABLE),
    "cut webp": (encoded(gradient(), "WebP")[:-9], ANY, UNDECODABLE),
    "ppm of no numbers": (b"P6 a b 255\n", ANY, UNDECODABLE),
    "tiff of 40,000 samples": (
        encoded(gradient(), "TIFF", tiffinfo={277: 40_000}),
        ANY,
        UNDECODABLE,
    ),
    "jpeg of nothing": (
        encoded(gradient(), "JPEG").partition(b"\xff\xda")[0]
        + bytes.fromhex("ffda0008010100003f00ffd9"),
        ANY,
        "is damaged: its pixel data breaks off, or is not what its headers say. Replace it",
    ),
    "jpeg of unknown sampling": (
        encoded(gradient(), "JPEG").replace(b"\1\x11\0", b"\1\x77\0"),
        ANY,
        "is damaged, or a JPEG of a kind that is not read. Replace it, or save it anew",
    ),
    "index behind the palette": (
        png(2, 1, 8, 3, b"\0\0\3", before=chunk(b"PLTE", bytes(6))),
        SMALL,
        "is damaged: a pixel has colour 3, its palette has 2 entries",
    ),
    "unknown filter": (
        png(2, 1, 8, 0, b"\x09\0\0"),
        SMALL,
        "is damaged: a row has filter 9, and 4 is the last",
    ),
    "a file too large to be an image": (
        bytes(1 << 21),
        ImageSettings(mode="rgb", height=8, width=8, max_pixels=1000),
        "has 2,097,152 bytes; at most 1,056,576 are allowed here",
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_reasons(name: str, tmp_path: Path) -> None:
    data, settings, reason = CONTENTS[name]
    path = tmp_path / "image.png"
    path.write_bytes(data)
    assert refusal(path, settings) == reason


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (OSError("words of a library"), UNDECODABLE),
        (KeyError("words"), UNDECODABLE),
        (EOFError(), UNDECODABLE),
        (MemoryError(), "does not fit into memory"),
    ],
)
def test_no_words_of_a_library_are_shown(raised: Exception, reason: str) -> None:
    assert explained(raised) == reason


def test_what_pillow_logs_is_not_printed() -> None:
    """Without a handler, Python itself would print it."""
    program = "import mlptrain.data.images.decoding, logging; logging.getLogger('PIL.x').error('x')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (ended.stdout, ended.stderr) == (b"", b"")


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").symlink_to("nowhere")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert refusal(tmp_path) == "is a folder, not a file"
    assert refusal(tmp_path / "pipe.png") == "is a pipe or a device, not a file"
    assert refusal("/dev/null") == "is a pipe or a device, not a file"
    assert refusal(tmp_path / "none.png") == "does not exist"
    assert refusal(tmp_path / "broken.png") == "does not exist"
    assert refusal(tmp_path / "loop.png") == ("cannot be read: Too many levels of symbolic links")
    assert refusal("a" * 300) == "cannot be read: File name too long"
    with pytest.raises(DataError, match="is not a possible file name"):
        load_image("a\0b", SMALL)


def test_names_are_shown_with_escapes(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/[red]\n\xff.png")
    with pytest.raises(DataError) as caught:
        load_image(path, SMALL)
    assert str(caught.value) == f"{tmp_path}/[red]\\n\\xff.png: does not exist"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["JPEG", "GIF", "BMP", "WebP"])
def test_a_cut_file_is_refused_or_whole(name: str, tmp_path: Path) -> None:
    """Refused, unless only bytes behind the pixels are missing."""
    data = encoded(gradient(16, 16, 3), name)
    path = tmp_path / "image"
    path.write_bytes(data)
    whole = load_image(str(path), ANY)
    passed = 0
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        try:
            loaded = load_image(str(path), ANY)
        except DataError:
            continue
        passed += 1
        np.testing.assert_array_equal(loaded, whole)
    assert passed <= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WebP"])
def test_damage_raises_nothing_but_data_errors(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    options = {} if name in ("GIF", "BMP") else {"exif": exif(6)}
    data = encoded(gradient(16, 16, 3), name, **options)
    path = tmp_path / "image"
    refused = 0
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(random.integers(1, 5)):
            damaged[random.integers(len(data))] = random.integers(256)
        path.write_bytes(resigned(bytes(damaged)) if name == "PNG" else damaged)
        try:
            pixels = load_image(str(path), ANY)
        except DataError:
            refused += 1
        else:
            assert pixels.shape == (8, 8, 3)
    assert refused > 10


def test_warnings_about_a_file_do_not_reach_the_user(tmp_path: Path) -> None:
    """Pillow warns of this corrupt EXIF block; a warning is an error in these tests."""
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01"))
    assert load_image(str(path), SMALL).shape == (8, 8, 3)


def test_resolving_takes_the_first_readable_image(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a", "b", "c")]
    Path(paths[1]).write_bytes(encoded(gradient(5, 6), "PNG"))
    Path(paths[2]).write_bytes(encoded(gradient(7, 8, 3), "PNG"))
    settings, expected = resolve(ImageSettings(), paths)
    assert settings.shape == (5, 6, 1)
    assert expected is not None
    assert (expected.first, expected.gray, expected.size) == (paths[1], True, (6, 5))
    settings, expected = resolve(ImageSettings(mode="rgb", height=1, width=1), paths)
    assert expected is None
    with pytest.raises(DataError, match=r"none of the 1 images can be read. The first: .*/a: does"):
        resolve(ImageSettings(), paths[:1])


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="height and width go together; give both or neither"):
        ImageSettings(height=3)
    with pytest.raises(ValueError, match="not resolved yet"):
        _ = ImageSettings(height=3, width=3).shape
    assert ImageSettings.model_validate({"formats": ["gif"]}).formats == ("gif",)

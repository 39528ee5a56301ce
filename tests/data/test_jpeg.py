"""JPEG: whole files give the pixels that Pillow gives, damaged structure is refused."""

import io
from itertools import product

import numpy as np
import pytest
from pictures import encoded, exif, gradient
from PIL import Image

from mlptrain.data.images.form import Form
from mlptrain.data.images.jpeg import check_jpeg, decode_jpeg
from mlptrain.paths import UnreadableError

END = b"\xff\xd9"
OWN_SIZE = Form("rgb", None, None, "stretch", ("jpeg",), 1 << 30, 255)
KINDS = [
    {"progressive": progressive, "restart_marker_blocks": restart}
    for progressive, restart in product((False, True), (0, 4))
]


def decoded(data: bytes, form: Form = OWN_SIZE) -> np.ndarray:
    return np.asarray(decode_jpeg(check_jpeg(data), form, is_turned=False))


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        decoded(data)
    return str(caught.value)


def noisy(height: int, width: int, channels: int) -> np.ndarray:
    """(height, width, channels) uint8 that no coder finds flat."""
    noise = np.random.default_rng(0).normal(0, 12, (height, width, channels))
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    smooth = 128 + 60 * np.sin(x / 7 + y / 11 + c) + 40 * np.cos(y / 5)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (2 + len(content)).to_bytes(2) + content


def with_segments(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_whole_files_have_the_pixels_that_pillow_reads(kind: dict[str, int], channels: int) -> None:
    for size in ((1, 1), (1, 9), (28, 28), (33, 17)):
        pixels = noisy(*size, channels)
        for quality, subsampling, optimize in product((1, 75, 100), (0, 1, 2), (False, True)):
            options = dict(kind, quality=quality, optimize=optimize)
            if channels == 3:
                options["subsampling"] = subsampling
            data = encoded(pixels, "JPEG", **options)
            np.testing.assert_array_equal(decoded(data), by_pillow(data))


def test_four_inks_are_as_pillow_reads_them() -> None:
    data = encoded(Image.fromarray(noisy(20, 30, 4), "CMYK"), "JPEG", quality=90)
    np.testing.assert_array_equal(decoded(data), by_pillow(data))


@pytest.mark.parametrize("size", [(28, 28), (120, 160)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_cut_is_refused_also_with_an_end_put_back(
    kind: dict[str, int], channels: int, size: tuple[int, int]
) -> None:
    data = encoded(noisy(*size, channels), "JPEG", **kind)
    first = data.index(b"\xff\xda") + 14
    for cut in np.linspace(first, len(data) - 20, 44).astype(int):
        refusal(data[:cut])
        refusal(data[:cut] + END)
        refusal(data[:cut] + bytes(len(data) - cut))
        refusal(data[:cut] + bytes(len(data) - cut) + END)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("restart", [0, 4])
def test_a_sector_of_zeros_is_refused(restart: int, channels: int) -> None:
    data = encoded(noisy(120, 160, channels), "JPEG", restart_marker_blocks=restart)
    first = data.index(b"\xff\xda") + 14
    for start in range(first, len(data) - 530, 61):
        refusal(data[:start] + bytes(512) + data[start + 512 :])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("restart", [0, 4])
def test_a_sector_of_zeros_in_a_refining_scan_is_refused(restart: int, channels: int) -> None:
    """The decoder does not notice it if the scan then ends where it should."""
    picture = noisy(200, 200, channels)
    data = encoded(picture, "JPEG", progressive=True, restart_marker_blocks=restart)
    last = data.rindex(b"\xff\xda")
    assert data[last + 7] == 1
    assert data[last + 9] >> 4 == 1  # refines the lowest bit
    for start in range(last + 10, len(data) - 530, 61):
        refusal(data[:start] + bytes(512) + data[start + 512 :])


@pytest.mark.parametrize("quality", [10, 75, 100])
def test_images_that_repeat_one_block_are_read(quality: int) -> None:
    """Their scans have long runs of zeros."""
    random, y, x = np.random.default_rng(0), *np.mgrid[:1024, :1024]
    blocks = random.integers(0, 256, (6, 8, 8), np.uint8)
    pictures = [np.zeros((1024, 1024), np.uint8), (x // 4 % 2 * 255).astype(np.uint8)]
    for picture in (*pictures, (y + x).astype(np.uint8), *(np.tile(b, (128, 128)) for b in blocks)):
        data = encoded(picture[..., None], "JPEG", progressive=True, quality=quality)
        np.testing.assert_array_equal(decoded(data), by_pillow(data))


def test_missing_scans_are_refused() -> None:
    data = encoded(noisy(40, 40, 3), "JPEG", progressive=True)
    starts = [i for i in range(len(data)) if data[i : i + 2] in (b"\xff\xda", b"\xff\xc4")]
    for start in starts[1:]:
        reason = refusal(data[:start] + END)
        assert reason == "is cut off: scans are missing"


METADATA = {
    "empty JFIF": segment(0xE0, b""),
    "JFIF of another version": segment(0xE0, b"JFIF\0\x09\x09\x07\xff\xff\0\0\x63\x63"),
    "short JFIF": segment(0xE0, b"JFIF\0\1"),
    "short Adobe": segment(0xEE, b"Adobe\0"),
    "unknown Adobe transform": segment(0xEE, b"Adobe\0\x64\0\0\0\0\x07"),
    "EXIF of nothing": segment(0xE1, b"Exif\0\0"),
    "cut EXIF": segment(0xE1, exif(6)[:20]),
    "damaged EXIF": segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta <<"),
    "profile without its parts": segment(0xE2, b"ICC_PROFILE\0\x03\x09abc"),
    "comment": segment(0xFE, b"\xff\xd9\xff\xd8"),
    "a thumbnail": segment(0xE1, b"Exif\0\0" + encoded(gradient(8, 8, 3), "JPEG")),
    "fillers": b"\xff\xff\xff",
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_do_not_decide_whether_pixels_can_be_read(name: str) -> None:
    for channels in (1, 3):
        data = encoded(noisy(16, 24, channels), "JPEG")
        np.testing.assert_array_equal(decoded(with_segments(data, METADATA[name])), by_pillow(data))


@pytest.mark.parametrize("after", [b"\n", bytes(600), encoded(gradient(), "JPEG"), b"\xff\xd8\xff"])
def test_the_first_image_counts_whatever_follows(after: bytes) -> None:
    data = encoded(noisy(16, 24, 3), "JPEG")
    np.testing.assert_array_equal(decoded(data + after), by_pillow(data))


def test_a_phones_two_images_in_one_file() -> None:
    first, second = (Image.fromarray(noisy(size, 40, 3)) for size in (30, 20))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decoded(data), by_pillow(data))


def test_colours_without_conversion_stay() -> None:
    data = encoded(noisy(16, 24, 3), "JPEG", keep_rgb=True)
    np.testing.assert_array_equal(decoded(data), by_pillow(data))


FRAME = b"\x08\0\x08\0\x08\x01\x01\x11\0"
OTHERS = {
    "two frames": (
        segment(0xC0, FRAME) * 2,
        "is damaged: it has two frame headers",
    ),
    "a lossless one": (
        segment(0xC3, FRAME),
        "is a lossless or hierarchical JPEG. Save it as a usual one",
    ),
    "samples of 12 bits": (
        segment(0xC1, b"\x0c" + FRAME[1:]),
        "has samples of 12 bits. Save it with 8",
    ),
    "two components": (
        segment(0xC0, FRAME[:5] + b"\2\1\x11\0\2\x11\0"),
        "has 2 colour components; 1, 3 or 4 are read",
    ),
    "a long segment": (b"\xff\xe0\xff\xff", "is cut off or damaged inside segment FF E0"),
    "a start in the middle": (b"\xff\xd8\0\2", "is damaged: marker FF D8 where none can be"),
    "no marker": (b"abc", "is damaged: a segment does not end where it should"),
    "nothing else": (END, "is cut off: scans are missing"),
    "a scan of another component": (
        segment(0xC0, FRAME) + segment(0xDA, b"\1\7\0\0\x3f\0"),
        "is damaged: a scan is of nothing that it has",
    ),
    "a scan without a frame": (
        segment(0xDA, b"\1\1\0\0\x3f\0"),
        "is damaged: a scan header has a wrong length or place",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_damage_is_refused_with_its_reason(name: str) -> None:
    content, reason = OTHERS[name]
    assert refusal(b"\xff\xd8" + content) == reason


def test_a_bomb_of_scans_is_refused_before_it_is_decoded() -> None:
    data = encoded(gradient(64, 64), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    check_jpeg(data[:-2] + scan * 190 + END)
    assert refusal(data[:-2] + scan * 3000 + END) == "has more than 200 scans. Save it anew"


@pytest.mark.parametrize(
    ("size", "target", "divisor"),
    [((128, 64), 32, 2), ((127, 64), 32, 1), ((224, 224), 32, 2), ((256, 1000), 32, 4)],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_large_images_are_decoded_at_a_fraction(
    size: tuple[int, int], target: int, divisor: int, progressive: bool
) -> None:
    """At least two pixels for one, in each direction; the fraction is that of Pillow's draft."""
    data = encoded(noisy(*size, 3), "JPEG", progressive=progressive)
    form = OWN_SIZE._replace(height=target, width=target // 2)
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (size[1] // divisor, size[0] // divisor))
    np.testing.assert_array_equal(decoded(data, form), np.asarray(image))
    assert decoded(data, form).shape[0] == -(-size[0] // divisor)


def test_the_fraction_is_that_of_the_upright_image() -> None:
    image = check_jpeg(encoded(noisy(80, 160, 1), "JPEG"))
    form = OWN_SIZE._replace(height=40, width=20)
    assert decode_jpeg(image, form, is_turned=True).size == (80, 40)
    assert decode_jpeg(image, form, is_turned=False).size == (160, 80)

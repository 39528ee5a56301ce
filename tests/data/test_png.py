"""The PNG gate: nothing damaged passes it, nothing whole is refused."""

import tracemalloc
import zlib

import numpy as np
import pytest
from pictures import SIGNATURE, chunk, encoded, gradient, png, resigned

from mlptrain.data.images.png import check_png
from mlptrain.paths import UnreadableError

ROWS = b"".join(b"\0" + bytes(range(8)) for _ in range(8))
WHOLE = png(8, 8, 8, 0, ROWS)
HEADER = chunk(b"IHDR", b"\0\0\0\x08\0\0\0\x08\x08\0\0\0\0")
PIXELS = chunk(b"IDAT", zlib.compress(ROWS))
END = chunk(b"IEND")
RED = chunk(b"PLTE", b"\xff\0\0")


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        check_png(data, 1000)
    return str(caught.value)


DAMAGED = {
    "no end": (
        SIGNATURE + HEADER + PIXELS,
        "is cut off: the end (chunk IEND) is missing",
    ),
    "cut in a chunk": (WHOLE[:50], "is cut off or damaged inside chunk IDAT"),
    "checksum": (
        WHOLE.replace(END, chunk(b"tIME") + END[:-1] + b"\0"),
        "is damaged: the checksum of chunk IEND is wrong",
    ),
    "no header": (SIGNATURE + PIXELS + END, "is damaged: the first chunk is not IHDR"),
    "two headers": (
        SIGNATURE + HEADER + HEADER + PIXELS + END,
        "is damaged: chunk IHDR appears twice",
    ),
    "no pixels": (
        SIGNATURE + HEADER + END,
        "is damaged: the pixel data (chunk IDAT) is missing",
    ),
    "interrupted": (
        SIGNATURE + HEADER + PIXELS + chunk(b"tIME") + PIXELS + END,
        "is damaged: the pixel data (chunk IDAT) is interrupted",
    ),
    "unknown critical": (
        SIGNATURE + HEADER + chunk(b"ABCD") + PIXELS + END,
        "is damaged: chunk ABCD is unknown",
    ),
    "late transparency": (
        SIGNATURE + HEADER + PIXELS + chunk(b"tRNS", b"\0\0") + END,
        "is damaged: chunk tRNS follows the pixel data",
    ),
    "short header": (
        SIGNATURE + chunk(b"IHDR", b"\0\0\0\x08") + PIXELS + END,
        "is damaged: its header has 4 bytes, not 13",
    ),
    "no width": (png(0, 8, 8, 0, ROWS), "is damaged: its size is 0×8"),
    "depth": (png(8, 8, 3, 0, ROWS), "is damaged: its header ends with 0300000000"),
    "colour type": (png(8, 8, 8, 5, ROWS), "is damaged: its header ends with 0805000000"),
    "interlace": (
        png(8, 8, 8, 0, ROWS, interlace=2),
        "is damaged: its header ends with 0800000002",
    ),
    "too large": (
        png(40, 40, 8, 0, ROWS),
        "decodes to 40×40, 1,600 pixels; 1,000 are allowed. Raise data.image.max_pixels, or for "
        "a trained model --max-pixels",
    ),
    "no palette": (
        png(8, 8, 8, 3, ROWS),
        "is damaged: its palette is missing or has a wrong length",
    ),
    "palette too long": (
        png(8, 8, 1, 3, b"\0\0" * 8, before=chunk(b"PLTE", bytes(9))),
        "is damaged: its palette is missing or has a wrong length",
    ),
    "transparency too long": (
        png(8, 8, 8, 3, ROWS, before=RED + chunk(b"tRNS", b"\0\0")),
        "is damaged: its transparency (chunk tRNS) has a wrong length",
    ),
    "unknown chunk": (
        SIGNATURE + HEADER + PIXELS + chunk(b"abcd")[:-1] + b"\0" + END,
        "is damaged: the checksum of chunk abcd is wrong",
    ),
    "short pixels": (
        png(8, 8, 8, 0, ROWS[:18]),
        "is damaged: 72 bytes of pixels are due, it has only 18",
    ),
    "long pixels": (
        png(8, 8, 8, 0, ROWS + b"\0"),
        "is damaged: 72 bytes of pixels are due, it has more",
    ),
    "inflation bomb": (
        png(8, 8, 8, 0, bytes(50_000_000)),
        "is damaged: 72 bytes of pixels are due, it has more",
    ),
    "not deflate": (
        SIGNATURE + HEADER + chunk(b"IDAT", b"\0" * 20) + END,
        "is damaged: its pixel data does not inflate",
    ),
    "wrong inner checksum": (
        SIGNATURE + HEADER + chunk(b"IDAT", zlib.compress(ROWS)[:-1] + b"\0") + END,
        "is damaged: its pixel data does not inflate",
    ),
    "inner checksum missing": (
        SIGNATURE + HEADER + chunk(b"IDAT", zlib.compress(ROWS)[:-4]) + END,
        "is damaged: its pixel data does not end where it should",
    ),
    "data behind the pixels": (
        SIGNATURE + HEADER + chunk(b"IDAT", zlib.compress(ROWS) + b"x") + END,
        "is damaged: its pixel data does not end where it should",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_with_its_reason(name: str) -> None:
    data, reason = DAMAGED[name]
    assert refusal(data) == reason


METADATA = {
    "bytes after the end": WHOLE + b"\n",
    "another image after the end": WHOLE + WHOLE[:30],
    "two blocks of EXIF": SIGNATURE + HEADER + chunk(b"eXIf", b"MM") * 2 + PIXELS + END,
    "damaged text": SIGNATURE + HEADER + chunk(b"tEXt", b"a\0b")[:-1] + b"\0" + PIXELS + END,
    "damaged EXIF": SIGNATURE + HEADER + PIXELS + chunk(b"eXIf", b"MM")[:-1] + b"\0" + END,
    "a damaged profile": SIGNATURE + HEADER + chunk(b"iCCP", b"?") + PIXELS + END,
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_do_not_decide_whether_pixels_can_be_read(name: str) -> None:
    assert check_png(METADATA[name], 1000).rows == ROWS


def test_a_bomb_takes_no_memory() -> None:
    bomb, _ = DAMAGED["inflation bomb"]
    tracemalloc.start()
    refusal(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_every_cut_and_every_flipped_bit_is_refused() -> None:
    data = encoded(gradient(12, 12), "PNG")
    for length in range(8, len(data)):
        refusal(data[:length])
    for bit in range(64, 8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        refusal(bytes(damaged))


def test_resigned_damage_raises_nothing_else() -> None:
    random = np.random.default_rng(0)
    data = encoded(gradient(12, 12), "PNG", transparency=7)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(8, len(data))] = random.integers(256)
        try:
            check_png(resigned(bytes(damaged)), 1000)
        except UnreadableError:
            refused += 1
    assert 1000 < refused < 2000


@pytest.mark.parametrize("colour_type", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("interlace", [0, 1])
def test_whole_images_of_every_kind_and_small_size_pass(colour_type: int, interlace: int) -> None:
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    for depth in depths[colour_type]:
        for width in range(1, 10):
            for height in range(1, 10):
                rows = raw_rows(width, height, depth * samples, interlace)
                before = RED if colour_type == 3 else b""
                data = png(
                    width, height, depth, colour_type, rows, before=before, interlace=interlace
                )
                assert check_png(data, 1000).header.width == width


def raw_rows(width: int, height: int, bits: int, interlace: int) -> bytes:
    """Zero rows as the specification asks for them, counted pixel by pixel (Adam7)."""
    if not interlace:
        return bytes(height * (1 + -(-width * bits // 8)))
    adam7 = ["16462646", "77777777", "56565656", "77777777"] * 2
    adam7[4] = "36463646"
    total = 0
    for number in "1234567":
        counts = [sum(adam7[y % 8][x % 8] == number for x in range(width)) for y in range(height)]
        total += sum(1 + -(-count * bits // 8) for count in counts if count)
    return bytes(total)


def test_pixels_in_several_chunks_pass() -> None:
    stream = zlib.compress(ROWS)
    parts = chunk(b"IDAT", stream[:5]) + chunk(b"IDAT") + chunk(b"IDAT", stream[5:])
    passed = check_png(SIGNATURE + HEADER + parts + END, 1000)
    assert zlib.decompress(passed.stream) == ROWS

"""Image files made to order, for the tests of the data package."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(
    width: int,
    height: int,
    depth: int,
    colour_type: int,
    rows: bytes,
    *,
    before: bytes = b"",
    after: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """A PNG of raw `rows` (filter bytes included), with chunks `before` and `after` the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return SIGNATURE + chunk(b"IHDR", header) + before + pixels + after + chunk(b"IEND")


def gradient(height: int = 28, width: int = 28, channels: int = 1) -> np.ndarray:
    """(height, width, channels) uint8 without symmetry, so that every flip and turn shows."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return ((7 * x + 13 * y + 61 * c) % 256).astype(np.uint8)


def encoded(pixels: np.ndarray | Image.Image, name: str, **options: object) -> bytes:
    """`pixels` (H, W, 1 or 3), or an image, as a file of the format `name`."""
    if isinstance(pixels, np.ndarray):
        pixels = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    pixels.save(file, name, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def resigned(data: bytes) -> bytes:
    """A damaged PNG with every checksum made right again, as far as it has chunks."""
    position, out = 8, [data[:8]]
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        stop = position + 8 + length
        if stop + 4 > len(data):
            break
        out.append(chunk(data[position + 4 : position + 8], data[position + 8 : stop]))
        position = stop + 4
    return b"".join(out) + data[position:]

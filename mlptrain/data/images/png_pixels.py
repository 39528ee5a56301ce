"""The pixels of a PNG that passed the gate, from Pillow's own decompressor and unfilter.

Where a chunk changes how samples are read, Pillow gets a file of only the chunks that passed.
16-bit samples are read as bytes, because Pillow would keep only the high byte.
"""

import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from mlptrain.data.images import png
from mlptrain.data.images.depth import alpha_but, to_8_bits
from mlptrain.data.images.form import Form
from mlptrain.paths import UnreadableError
from mlptrain.shared import warnings_ignored

_SMALL_BYTES = 1 << 16  # pixels: for smaller images, calling Pillow costs more than its work
_BYTES_OF_16_BITS = {  # the mode, and how its high and low bytes are read
    png.GRAY: ("L", "L;16B", "L;16"),
    png.RGB: ("RGB", "RGB;16B", "RGB;16L"),
    png.RGB_ALPHA: ("RGBA", "RGBA;16B", "RGBA;16L"),
}


def mere_rows(image: png.Png, form: Form) -> bytes | None:
    """The rows of a small PNG that, once unfiltered, are exactly the pixels in `form`."""
    if not image.is_plain:
        return None
    height, width, channels = form.shape
    header, colour_type = image.header, png.GRAY if channels == 1 else png.RGB
    is_of_form = (header.height, header.width, header.colour_type) == (height, width, colour_type)
    return image.rows if is_of_form and height * width * channels <= _SMALL_BYTES else None


def unfiltered(images: Sequence[bytes], form: Form) -> Iterator[bytes]:
    """The pixels of each of `images`, rows in `form`. Pillow reads them as one tall image, which
    takes a fifth of the time. A filter refers to the row above; for the first row of an image that
    is, by definition, a row of zeros."""
    if not images:
        return
    height, width, channels = form.shape
    mode = "L" if channels == 1 else "RGB"
    zeros = bytes(1 + width * channels)
    stream = zlib.compress(zeros + zeros.join(images), level=0)
    size = (width, len(images) * (1 + height))
    pixels = Image.frombytes(mode, size, stream, "zip", mode).tobytes()
    row = width * channels
    for start in range(row, len(pixels), (1 + height) * row):
        yield pixels[start : start + height * row]


def decode_png(checked: png.Png) -> Image.Image:
    """`checked` as stored: not yet rotated, transparency kept with the colours."""
    header = checked.header
    if header.depth == 16:
        return _of_16_bits(checked)
    if checked.is_plain:
        return _unpacked(checked, "L" if header.colour_type == png.GRAY else "RGB")
    with warnings_ignored:
        image = PngImageFile(BytesIO(checked.minimal_file()))
        image.load()
    _correct_transparency(image, checked)
    if header.colour_type == png.PALETTE:
        _check_palette(image, checked)
    return image


def _unpacked(checked: png.Png, mode: str, samples: str = "") -> Image.Image:
    """Inflate and unfilter into an image of `mode`; `samples` is Pillow's name for the layout of
    the samples in the file."""
    header = checked.header
    size = (header.width, header.height)
    order = (samples or mode, int(header.interlaced))
    return Image.frombytes(mode, size, checked.stream, "zip", *order)


def _of_16_bits(checked: png.Png) -> Image.Image:
    if checked.header.colour_type == png.GRAY_ALPHA:  # four bytes, like an RGBA pixel
        gray_high, gray_low, alpha_high, alpha_low = _unpacked(checked, "RGBA").split()
        high = Image.merge("LA", (gray_high, alpha_high))
        low = Image.merge("LA", (gray_low, alpha_low))
        return to_8_bits(high, low)
    mode, *order = _BYTES_OF_16_BITS[checked.header.colour_type]
    high, low = (_unpacked(checked, mode, samples) for samples in order)
    image = to_8_bits(high, low)
    if checked.transparency is not None:
        image.putalpha(alpha_but(high, low, checked.transparency))
    return image


def _correct_transparency(image: Image.Image, checked: png.Png) -> None:
    """Pillow compares the transparent colour of a PNG with samples scaled to 8 bits; the file
    gives it unscaled."""
    header, transparency = checked.header, checked.transparency
    if transparency is None or header.colour_type == png.PALETTE:
        return
    most = (1 << header.depth) - 1
    values = [
        (int.from_bytes(transparency[i : i + 2]) & most) * 255 // most
        for i in range(0, len(transparency), 2)
    ]
    image.info["transparency"] = values[0] if len(values) == 1 else tuple(values)


def _check_palette(image: Image.Image, checked: png.Png) -> None:
    """Raise UnreadableError if a pixel is beyond the palette: Pillow would invent its colour."""
    highest = max(index for index, count in enumerate(image.histogram()) if count)
    entries = len(checked.palette or b"") // 3
    if highest >= entries:
        raise UnreadableError(
            f"is damaged: a pixel has colour {highest}, its palette has {entries} entries"
        )

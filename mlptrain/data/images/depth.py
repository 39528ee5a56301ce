"""16-bit samples as 8-bit samples: one rule, round(255 v / 65535), for every format and mode."""

from functools import reduce

from PIL import Image, ImageChops

_UP = [int(v > 128) for v in range(256)]  # selects low bytes that exceed the high byte by so much


def to_8_bits(high: Image.Image, low: Image.Image) -> Image.Image:
    """round(255 v / 65535) for samples v = 256 high + low, given as two images of equal mode and
    size.

    255 v / 65535 = v / 257 = high + (low - high) / 257, so the high byte is at most one off: too
    low where low - high > 128, too high where high - low > 128."""
    up = ImageChops.subtract(low, high).point(_UP * len(high.getbands()))
    down = ImageChops.subtract(high, low).point(_UP * len(high.getbands()))
    return ImageChops.subtract(ImageChops.add(high, up), down)


def alpha_but(high: Image.Image, low: Image.Image, clear: bytes) -> Image.Image:
    """An alpha channel: 0 where the samples equal the colour `clear` (two bytes per band), else
    255."""
    bands = [band for pair in zip(high.split(), low.split(), strict=True) for band in pair]
    differs = (
        band.point([255 * (v != byte) for v in range(256)])
        for band, byte in zip(bands, clear, strict=True)
    )
    return reduce(ImageChops.lighter, differs)

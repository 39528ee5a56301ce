"""From a decoded image to pixels in a given form."""

import logging

from PIL import Image

from mlptrain.data.images.depth import to_8_bits
from mlptrain.data.images.form import Form
from mlptrain.shared import warnings_ignored

_GRAY_MODES = ("1", "L", "LA", "I;16")
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


logging.getLogger("PIL").addHandler(logging.NullHandler())  # otherwise it prints to stderr


def turn_of(exif: bytes | None) -> Image.Transpose | None:
    """The transpose that makes an image upright, from the orientation in its EXIF block; None if
    there is none, or an unreadable one: broken metadata does not make pixels unreadable."""
    if exif is None:
        return None
    tags = Image.Exif()
    try:
        with warnings_ignored:
            tags.load(exif)
            return _TURNS.get(tags.get(_ORIENTATION, 1))
    except Exception:  # Pillow's parser raises many kinds of error
        return None


def swaps_sides(turn: Image.Transpose | None) -> bool:
    """Whether `turn` swaps rows and columns."""
    return turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])


def flattened(image: Image.Image, background: int) -> Image.Image:
    """Composite on `background`; gray modes and gray palettes give "L", all others "RGB"."""
    mode = "L" if _is_gray(image) else "RGB"
    if image.mode == "I;16":
        samples = image.tobytes()  # little-endian
        low, high = (Image.frombytes("L", image.size, samples[i::2]) for i in (0, 1))
        image = to_8_bits(high, low)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, (background, background, background, 255))
        image = Image.alpha_composite(behind, image)
    return image if image.mode == mode else image.convert(mode)


def refit(pixels: bytes, size: tuple[int, int], form: Form, *, colour: bool) -> bytes:
    """`pixels`, gray or RGB rows of an image of `size` (width, height), converted to the fully
    resolved `form`."""
    mode = "RGB" if colour else "L"
    return fitted(Image.frombytes(mode, size, pixels), form)


def fitted(image: Image.Image, form: Form) -> bytes:
    """The pixels of `image` in the mode and size of `form`, row by row."""
    height, width, channels = form.shape
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (width, height):
        bilinear = Image.Resampling.BILINEAR
        image = resized(image, (width, height), form.resize, form.background, bilinear)
    return image.tobytes()


def _is_gray(image: Image.Image) -> bool:
    if image.mode != "P":
        return image.mode in _GRAY_MODES
    palette = image.getpalette("RGB") or []
    return palette[::3] == palette[1::3] == palette[2::3]


def resized(
    image: Image.Image, size: tuple[int, int], how: str, outside: int, sampling: Image.Resampling
) -> Image.Image:
    """`image` resized to `size` (width, height); `how` is data.image.resize, and `outside` fills
    the border that "pad" adds. Bilinear sampling is antialiased when shrinking."""
    width, height = size
    if how == "stretch":
        return image.resize(size, sampling)
    if how == "crop":
        scale = max(width / image.width, height / image.height)
        left = max(0.0, (image.width - width / scale) / 2)
        top = max(0.0, (image.height - height / scale) / 2)
        box = (left, top, image.width - left, image.height - top)
        return image.resize(size, sampling, box=box)
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new(image.mode, size, (outside,) * len(image.getbands()))
    corner = ((width - inner[0]) // 2, (height - inner[1]) // 2)
    canvas.paste(image.resize(inner, sampling), corner)
    return canvas

"""From an image file to pixels: the one way that training, evaluation and prediction share.

    bytes -> sniff the format -> look at the size -> decode -> upright -> composite on background
          -> grayscale or RGB -> height × width

Pillow is given one named format at a time and never a damaged PNG, and whatever it raises becomes
a reason here. Neither NumPy nor pydantic is needed: a process that only decodes starts in
a third of the time without them.
"""

import math
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mlptrain.data import png
from mlptrain.data.form import Expected, Form
from mlptrain.data.formats import refusal, sniff, webp_size
from mlptrain.data.reading import UnreadableError, read_file

_PLUGINS: dict[str, type[ImageFile]] = {
    "png": PngImageFile,
    "jpeg": JpegImageFile,
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "webp": WebPImageFile,
}
_GRAY_MODES = ("1", "L", "LA", "I;16")
_ORIENTATION = 0x0112
_SMALL_BYTES = 1 << 16  # pixels of an image, below which Pillow's calls cost more than its work
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_into(
    pixels: memoryview, paths: Sequence[str], form: Form, expected: Expected | None
) -> dict[int, str]:
    """Fill `pixels` with the images at `paths`, one after the other, each height × width × channels
    bytes; returns why images are bad, also if other than `expected`, by their index. The bytes of
    these stay as they are. `form` leaves nothing open."""
    reasons = {}
    size = math.prod(form.shape)
    filtered: dict[int, bytes] = {}
    for index, path in enumerate(paths):
        try:
            file = _read(path, form)
            if (rows := _mere_rows(file, form)) is not None:  # so it is as `expected`, too
                filtered[index] = rows
                continue
            image = _decode(file, form)
            if expected is not None:
                expected.check(image.mode, image.size)
            pixels[index * size : (index + 1) * size] = _fitted(image, form)
        except Exception as error:
            reasons[index] = explained(error)
    for index, unfiltered in zip(filtered, _unfiltered([*filtered.values()], form), strict=True):
        pixels[index * size : (index + 1) * size] = unfiltered
    return reasons


def read_image(path: str, form: Form) -> Image.Image:
    """The upright image at `path` as it is: "L" or "RGB", in its own size. Raises UnreadableError,
    and whatever the input provokes in Pillow's parsers."""
    return _decode(_read(path, form), form)


def refit(pixels: bytes, size: tuple[int, int], form: Form, *, colour: bool) -> bytes:
    """`pixels` of an image of `size` (width, height), gray or RGB, row by row, in the shape of
    `form`, which leaves nothing open."""
    mode = "RGB" if colour else "L"
    return _fitted(Image.frombytes(mode, size, pixels), form)


def explained(error: Exception) -> str:
    """What `read_image` raised, as the reason why a file cannot be read."""
    if isinstance(error, UnreadableError):
        return str(error)
    return f"cannot be decoded: {str(error) or type(error).__name__}"


def _read(path: str, form: Form) -> png.Png | bytes:
    """The file at `path`, if it has one of the formats; a PNG only if it passes the gate."""
    limit = 8 * form.max_pixels + (1 << 20)  # a sensible file: at most 4 samples of 16 bits
    data = read_file(path, limit)
    name = sniff(data)
    if name is None or name not in form.formats:
        raise UnreadableError(refusal(name, data, form.formats))
    return png.check_png(data, form.max_pixels) if name == "png" else data


def _mere_rows(file: png.Png | bytes, form: Form) -> bytes | None:
    """The rows of a small PNG whose pixels, but for their filters, are just what `form` wants."""
    if isinstance(file, bytes) or not file.is_plain:
        return None
    height, width, channels = form.shape
    header, colour_type = file.header, png.GRAY if channels == 1 else png.RGB
    is_of_form = (header.height, header.width, header.colour_type) == (height, width, colour_type)
    return file.rows if is_of_form and height * width * channels <= _SMALL_BYTES else None


def _unfiltered(images: Sequence[bytes], form: Form) -> Iterator[bytes]:
    """The pixels of each of `images`, rows of `form`. Pillow reads them as one high image, which
    takes a fifth of the time. Filters compare a row with the one above it, which for the first of
    an image is, by definition, a row of zeros."""
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


def _decode(file: png.Png | bytes, form: Form) -> Image.Image:
    """Decode `file` to an upright "L" or "RGB" image: gray stays gray."""
    if isinstance(file, png.Png):
        return _decode_png(file, form)
    name = sniff(file)
    assert name is not None
    if name == "webp":
        png.check_size(*webp_size(file), form.max_pixels)
    with _silent():
        image = _PLUGINS[name](BytesIO(file))
        png.check_size(*image.size, form.max_pixels)
        image.load()
        return _flattened(_upright(image), form.background)


def _decode_png(checked: png.Png, form: Form) -> Image.Image:
    header = checked.header
    size = (header.width, header.height)
    if checked.is_plain:
        mode = "L" if header.colour_type == png.GRAY else "RGB"
        return Image.frombytes(mode, size, checked.stream, "zip", mode)
    with _silent():
        image: Image.Image = PngImageFile(BytesIO(checked.minimal_file()))
        image.load()
        _correct_transparency(image, checked)
        if header.colour_type == png.GRAY_ALPHA:  # Pillow decodes 16 bits of these as RGBA
            image = image.convert("LA")
        if header.colour_type == png.PALETTE:
            _check_palette(image, checked)
        return _flattened(_upright(image), form.background)


def _correct_transparency(image: Image.Image, checked: png.Png) -> None:
    """Pillow compares the transparent colour of a PNG with samples it has scaled to 8 bits; the
    file states it in unscaled ones."""
    header, transparency = checked.header, checked.transparency
    if transparency is None or header.colour_type == png.PALETTE:
        return
    most = (1 << header.depth) - 1
    values = [
        int.from_bytes(transparency[i : i + 2]) & most for i in range(0, len(transparency), 2)
    ]
    if header.depth < 16:
        values = [value * 255 // most for value in values]
    image.info["transparency"] = values[0] if len(values) == 1 else tuple(values)


def _check_palette(image: Image.Image, checked: png.Png) -> None:
    """Refuse a pixel that points behind the palette: Pillow would invent its colour."""
    highest = max(index for index, count in enumerate(image.histogram()) if count)
    entries = len(checked.palette or b"") // 3
    if highest >= entries:
        raise UnreadableError(
            f"is damaged: a pixel has colour {highest}, its palette has {entries} entries"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation."""
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _flattened(image: Image.Image, background: int) -> Image.Image:
    """Composite on `background`; gray modes and gray palettes give "L", all others "RGB"."""
    mode = "L" if _is_gray(image) else "RGB"
    if image.mode == "I;16":
        image = _scaled_to_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, (background, background, background, 255))
        image = Image.alpha_composite(behind, image)
    return image.convert(mode)


def _is_gray(image: Image.Image) -> bool:
    if image.mode != "P":
        return image.mode in _GRAY_MODES
    palette = image.getpalette("RGB") or []
    return palette[::3] == palette[1::3] == palette[2::3]


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """round(255 v / 65535) = floor((v + 128) / 257) for gray samples v of 16 bits; Pillow's own
    conversion clips."""
    gray = image.convert("I").point(lambda v: v * (1 / 257) + 128.001 / 257).convert("L")
    if "transparency" not in image.info:
        return gray
    samples, clear = image.tobytes(), image.info["transparency"].to_bytes(2, "little")
    halves = (Image.frombytes("L", image.size, samples[i::2]) for i in (0, 1))
    differs = ([255 * (v != byte) for v in range(256)] for byte in clear)
    low, high = map(Image.Image.point, halves, differs)
    return Image.merge("LA", (gray, ImageChops.lighter(low, high)))


def _fitted(image: Image.Image, form: Form) -> bytes:
    """The pixels of `image` in the mode and size of `form`, row by row."""
    height, width, channels = form.shape
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (width, height):
        image = _resized(image, width, height, form)
    return image.tobytes()


def _resized(image: Image.Image, width: int, height: int, form: Form) -> Image.Image:
    """Bilinear, antialiased where it shrinks."""
    bilinear = Image.Resampling.BILINEAR
    if form.resize == "stretch":
        return image.resize((width, height), bilinear)
    if form.resize == "crop":
        scale = max(width / image.width, height / image.height)
        left = max(0.0, (image.width - width / scale) / 2)
        top = max(0.0, (image.height - height / scale) / 2)
        box = (left, top, image.width - left, image.height - top)
        return image.resize((width, height), bilinear, box=box)
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    behind = form.background
    canvas = Image.new(image.mode, (width, height), (behind,) * len(image.getbands()))
    corner = ((width - inner[0]) // 2, (height - inner[1]) // 2)
    canvas.paste(image.resize(inner, bilinear), corner)
    return canvas


@contextmanager
def _silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""From an image file to pixels: the one path that training, evaluation and prediction share.

    bytes -> detect the format -> check the structure and the size -> decode -> rotate upright
          -> composite on background -> grayscale or RGB -> height × width

A decoder is told the one format to expect and never gets a PNG or JPEG with a damaged structure;
whatever it raises becomes a reason here. This module needs neither pydantic nor, before the first
JPEG, NumPy: without them, a process that only decodes starts in a third of the time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from mlptrain.data.images.fitting import fitted, flattened, swaps_sides, turn_of
from mlptrain.data.images.form import Expected, Findings, Form
from mlptrain.data.images.jpeg import Jpeg, check_jpeg, decode_jpeg
from mlptrain.data.images.png import GRAY, GRAY_ALPHA, PALETTE, Png, check_png, outline
from mlptrain.data.images.png_pixels import decode_png, mere_rows, unfiltered
from mlptrain.data.images.signatures import refusal, sniff
from mlptrain.paths import UnreadableError, read_file

DECODERS = ("pillow", "simplejpeg")  # packages whose version may change pixels

# instead of Pillow's messages, which are about its own code
_UNDECODABLE = "is damaged or cut off, or of a kind that is not read. Replace it, or save it as PNG"


class Decoded(NamedTuple):
    """An upright image, "L" or "RGB", and its (width, height) as stored in the file."""

    image: Image.Image
    size: tuple[int, int]


class Look(NamedTuple):
    """The format of an image file, the mode, "L" or "RGB", in which it is decoded, and its upright
    (width, height)."""

    format: str
    mode: str
    size: tuple[int, int]


def read_into(
    pixels: memoryview, paths: Sequence[str], form: Form, expected: Expected | None
) -> Findings:
    """Fill `pixels` with the images at `paths`, one after the other, each height × width × channels
    bytes. The bytes of bad images, including those that `expected` refuses, are left as they are.
    `form` is fully resolved."""
    found = Findings({}, [])
    size = math.prod(form.shape)
    filtered: dict[int, bytes] = {}
    for index, path in enumerate(paths):
        try:
            file = _read(path, form)
            if isinstance(file, Png) and (rows := mere_rows(file, form)) is not None:
                filtered[index] = rows  # so it is as `expected`, too
                continue
            decoded = _decode(file, form)
            if expected and not expected.allows(decoded.image.mode, decoded.size):
                found.unlike.append(index)
            pixels[index * size : (index + 1) * size] = fitted(decoded.image, form)
        except Exception as error:
            found.bad[index] = explained(error)
    for index, rows in zip(filtered, unfiltered([*filtered.values()], form), strict=True):
        pixels[index * size : (index + 1) * size] = rows
    return found


def read_image(path: str, form: Form) -> Decoded:
    """The image at `path`, in its own mode and its own size, or a fraction of the size if `form`
    is resolved. Raises UnreadableError, and whatever the decoders raise."""
    return _decode(_read(path, form), form)


def look_of(path: str, form: Form) -> Look:
    """What the image at `path` is. Only the structure of a JPEG, and of most PNGs, is read. Raises
    UnreadableError, and whatever the decoders raise."""
    name, data = _of_format(path, form)
    if name == "jpeg":
        image = check_jpeg(data)
        mode, size = "L" if image.components == 1 else "RGB", (image.width, image.height)
        return Look(name, mode, _upright(size, turn_of(image.exif)))
    if name == "png":
        header, exif = outline(data)
        if header.colour_type != PALETTE:  # whose colours may be gray
            mode = "L" if header.colour_type in (GRAY, GRAY_ALPHA) else "RGB"
            return Look(name, mode, _upright((header.width, header.height), turn_of(exif)))
    decoded = read_image(path, form)
    return Look(name, decoded.image.mode, decoded.size)


def explained(error: Exception) -> str:
    """An exception of `read_image` as the reason why a file cannot be read."""
    if isinstance(error, UnreadableError):
        return str(error)
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    return _UNDECODABLE


def _read(path: str, form: Form) -> Png | Jpeg | tuple[str, bytes]:
    """The file at `path`, if it has one of the formats: a parsed PNG or JPEG, or else the format's
    name and the content."""
    name, data = _of_format(path, form)
    if name == "png":
        return check_png(data, form.max_pixels)
    return check_jpeg(data) if name == "jpeg" else (name, data)


def _of_format(path: str, form: Form) -> tuple[str, bytes]:
    """The format and the content of the file at `path`, if it has one of the formats."""
    limit = 8 * form.max_pixels + (1 << 20)  # at most 4 samples of 16 bits per pixel
    data = read_file(path, limit)
    name = sniff(data)
    if name is None or name not in form.formats:
        raise UnreadableError(refusal(name, data, form.formats))
    return name, data


def _decode(file: Png | Jpeg | tuple[str, bytes], form: Form) -> Decoded:
    """Decode `file` to an upright "L" or "RGB" image: gray stays gray."""
    if isinstance(file, Png):
        image, turn = decode_png(file), turn_of(file.exif)
        size = image.size
    elif isinstance(file, Jpeg):
        turn, size = turn_of(file.exif), (file.width, file.height)
        image = decode_jpeg(file, form, is_turned=swaps_sides(turn))
    else:
        from mlptrain.data.images.pillow_formats import decode  # noqa: PLC0415  (five of Pillow's plugins)

        image = decode(file[1], file[0], form.max_pixels)
        turn, size = turn_of(image.info.get("exif")), image.size
    if turn is not None:
        image = image.transpose(turn)
    return Decoded(flattened(image, form.background), _upright(size, turn))


def _upright(size: tuple[int, int], turn: Image.Transpose | None) -> tuple[int, int]:
    return size[::-1] if swaps_sides(turn) else size

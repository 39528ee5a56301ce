"""From an image file to pixels: the one way that training, evaluation and prediction share.

    bytes -> sniff the format -> look at the size -> decode -> upright -> composite on background
          -> grayscale or RGB -> height × width

The only user of Pillow. Pillow is given one named format at a time and never a damaged PNG, and
whatever it raises becomes an UnreadableError here; only `load_image` speaks of paths.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mlptrain.data import png
from mlptrain.data.formats import refusal, sniff, webp_size
from mlptrain.data.reading import UnreadableError, read_file
from mlptrain.data.settings import ImageSettings
from mlptrain.errors import DataError
from mlptrain.files import show_path

_PLUGINS: dict[str, type[ImageFile]] = {
    "png": PngImageFile,
    "jpeg": JpegImageFile,
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "webp": WebPImageFile,
}
_GRAY_MODES = ("1", "L", "LA", "I;16")
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Expected:
    """What the training images must have in common, because the configuration does not say how to
    make it so: all gray, all of one (width, height), each None where it does say."""

    first: str
    gray: bool = False
    size: tuple[int, int] | None = None

    def check(self, image: Image.Image) -> None:
        """Raise UnreadableError if `image` is of another kind or size."""
        if self.gray and image.mode == "RGB":
            raise UnreadableError(
                f"is a colour image, but the first image ({show_path(self.first)}) is grayscale; "
                "set data.image.mode"
            )
        if self.size is not None and image.size != self.size:
            raise UnreadableError(
                f"is {image.width}×{image.height}, but the first image ({show_path(self.first)}) "
                f"is {self.size[0]}×{self.size[1]}; "
                "set data.image.height and data.image.width to resize"
            )


def resolve(settings: ImageSettings, paths: Sequence[str]) -> tuple[ImageSettings, Expected | None]:
    """Fill in mode, height and width from the first of `paths` that can be read.

    Also returns what the other training images must then agree with. Raises DataError if none of
    `paths` can be read and something is to be filled in."""
    if settings.mode is not None and settings.height is not None:
        return settings, None
    reason = "there are no images"
    for path in paths:
        try:
            image = _decode(read_file(path, _size_limit(settings)), settings)
        except Exception as error:
            reason = reason if path != paths[0] else f"{show_path(path)}: {_explained(error)}"
            continue
        resolved = _filled_in(settings, image.size, colour=image.mode == "RGB")
        gray = settings.mode is None and image.mode == "L"
        size = image.size if settings.height is None else None
        return resolved, Expected(path, gray, size) if gray or size else None
    raise DataError(f"none of the {len(paths):,} images can be read. The first: {reason}")


def load_image(path: str, settings: ImageSettings) -> NDArray[np.uint8]:
    """The image at `path` as uint8 (H, W, C), with resolved `settings`. Raises DataError."""
    try:
        return read_pixels(path, settings, None)
    except UnreadableError as error:
        raise DataError(f"{show_path(path)}: {error}") from None


def read_pixels(path: str, settings: ImageSettings, expected: Expected | None) -> NDArray[np.uint8]:
    """`load_image` that raises UnreadableError, also for an image other than `expected`."""
    try:
        image = _decode(read_file(path, _size_limit(settings)), settings)
        if expected is not None:
            expected.check(image)
        return _fitted(image, settings)
    except Exception as error:
        raise _explained(error) from None


def allocate(count: int, settings: ImageSettings) -> NDArray[np.uint8]:
    """Room for `count` images (count, H, W, C) of resolved `settings`. Raises DataError if there is
    not enough memory."""
    try:
        return np.empty((count, *settings.shape), np.uint8)
    except (MemoryError, ValueError):
        raise DataError(
            f"{count:,} images of {'×'.join(map(str, settings.shape))} bytes do not fit into "
            "memory. Set a smaller data.image.height and data.image.width, or, for image files, "
            "data.cache to true, which keeps them on the disk."
        ) from None


def fit_array(
    images: NDArray[np.uint8], settings: ImageSettings
) -> tuple[NDArray[np.uint8], ImageSettings]:
    """Bring images (n, h, w, 1 or 3) into the shape that `settings` asks for, and resolve these
    where they ask for none. Raises DataError if there is not enough memory."""
    count, height, width, channels = images.shape
    settings = _filled_in(settings, (width, height), colour=channels == 3)
    if settings.shape == images.shape[1:]:
        return images, settings
    fitted = allocate(count, settings)
    for index, pixels in enumerate(images):
        picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
        fitted[index] = _fitted(picture, settings)
    return fitted, settings


def _filled_in(settings: ImageSettings, size: tuple[int, int], *, colour: bool) -> ImageSettings:
    found: dict[str, Any] = {}
    if settings.mode is None:
        found["mode"] = "rgb" if colour else "grayscale"
    if settings.height is None:
        found["width"], found["height"] = size
    return settings.model_copy(update=found)


def _size_limit(settings: ImageSettings) -> int:
    """Bytes that a sensible file of `max_pixels` (at most 4 samples of 16 bits) stays below."""
    return 8 * settings.max_pixels + (1 << 20)


def _decode(data: bytes, settings: ImageSettings) -> Image.Image:
    """Decode `data` to an upright "L" or "RGB" image: gray stays gray. Raises UnreadableError, and
    whatever the input provokes in Pillow's parsers."""
    name = sniff(data)
    if name is None or name not in settings.formats:
        raise UnreadableError(refusal(name, data, settings.formats))
    if name == "png":
        return _decode_png(data, settings)
    if name == "webp":
        png.check_size(*webp_size(data), settings.max_pixels)
    with _silent():
        image = _PLUGINS[name](BytesIO(data))
        png.check_size(*image.size, settings.max_pixels)
        image.load()
        return _flattened(_upright(image), settings.background)


def _decode_png(data: bytes, settings: ImageSettings) -> Image.Image:
    checked = png.check_png(data, settings.max_pixels)
    header = checked.header
    size = (header.width, header.height)
    if checked.plain:
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
        return _flattened(_upright(image), settings.background)


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
    highest = int(np.asarray(image).max())
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
    palette = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    return bool((palette == palette[:, :1]).all())


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """round(255 v / 65535) for gray samples v of 16 bits; Pillow's own conversion clips."""
    samples = np.asarray(image).astype(np.uint32)
    gray = Image.fromarray(((samples + 128) // 257).astype(np.uint8))
    if "transparency" not in image.info:
        return gray
    alpha = np.where(samples == image.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (gray, Image.fromarray(alpha)))


def _fitted(image: Image.Image, settings: ImageSettings) -> NDArray[np.uint8]:
    """`image` in the mode and size of resolved `settings`, as uint8 (H, W, C)."""
    height, width, channels = settings.shape
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (width, height):
        image = _resized(image, width, height, settings)
    return np.frombuffer(image.tobytes(), np.uint8).reshape(settings.shape)


def _resized(image: Image.Image, width: int, height: int, settings: ImageSettings) -> Image.Image:
    """Bilinear, antialiased where it shrinks."""
    bilinear = Image.Resampling.BILINEAR
    if settings.resize == "stretch":
        return image.resize((width, height), bilinear)
    if settings.resize == "crop":
        scale = max(width / image.width, height / image.height)
        left = max(0.0, (image.width - width / scale) / 2)
        top = max(0.0, (image.height - height / scale) / 2)
        box = (left, top, image.width - left, image.height - top)
        return image.resize((width, height), bilinear, box=box)
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    behind = settings.background
    canvas = Image.new(image.mode, (width, height), (behind,) * len(image.getbands()))
    corner = ((width - inner[0]) // 2, (height - inner[1]) // 2)
    canvas.paste(image.resize(inner, bilinear), corner)
    return canvas


def _explained(error: Exception) -> UnreadableError:
    """What a decoder raised, as the reason why a file cannot be read."""
    if isinstance(error, UnreadableError):
        return error
    return UnreadableError(f"cannot be decoded: {str(error) or type(error).__name__}")


@contextmanager
def _silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

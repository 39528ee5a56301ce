"""BMP, GIF, WebP, TIFF and PNM, decoded by Pillow: one plugin each, only what it reads correctly.

None of them has checksums. Truncated files are refused; a changed byte may be a changed pixel.
"""

from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mlptrain.data.images.form import check_size
from mlptrain.data.images.signatures import webp_size
from mlptrain.paths import UnreadableError
from mlptrain.shared import warnings_ignored

_PLUGINS: dict[str, type[ImageFile]] = {
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "webp": WebPImageFile,
    "tiff": TiffImageFile,
    "pnm": PpmImageFile,
}
_LOSSLESS_TIFF = ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate")
# tags of TIFF (revision 6.0, 1992)
_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 254, 258, 262, 339
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE = range(4)


def decode(data: bytes, name: str, max_pixels: int) -> Image.Image:
    """The first image of a file of the format `name`, as stored; its EXIF block, if any, is in
    `info`. Raises UnreadableError, and whatever Pillow raises."""
    if name == "webp":
        check_size(*webp_size(data), max_pixels)
    with warnings_ignored:
        image = _PLUGINS[name](BytesIO(data))
        check_size(*image.size, max_pixels)
        if isinstance(image, TiffImageFile):
            _check_tiff(image)
        image.load()
    return image.convert("I;16") if image.mode in ("I", "I;16B") else image


def _check_tiff(image: TiffImageFile) -> None:
    """Raise UnreadableError for files that Pillow would read with wrong pixels or silent damage."""
    tags = image.tag_v2
    compression = image.info.get("compression")
    if compression not in _LOSSLESS_TIFF:
        raise UnreadableError(f"is a TIFF compressed with {compression}. Save it as PNG or JPEG")
    if tags.get(_SUBFILE, 0) & 1:
        raise UnreadableError("is a TIFF that starts with a preview. Save it as PNG or JPEG")
    bits, photometric = tags.get(_BITS, (1,)), tags.get(_PHOTOMETRIC, _BLACK_IS_ZERO)
    unsigned = set(tags.get(_SAMPLE_FORMAT, (1,))) == {1}
    deep = bits == (16,) and photometric == _BLACK_IS_ZERO
    if not (unsigned and photometric <= _PALETTE and (deep or max(bits) <= 8)):
        raise UnreadableError(
            "is a TIFF of another kind than 8-bit gray, RGB or palette, or 16-bit gray. "
            "Save it as PNG"
        )

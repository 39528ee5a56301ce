"""Mask images: PNGs whose pixels are class numbers, gray levels or indices into a palette."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from mlptrain.data.images import png
from mlptrain.data.images.decoding import explained, look_of
from mlptrain.data.images.fitting import resized
from mlptrain.data.images.form import Form
from mlptrain.paths import UnreadableError, read_file
from mlptrain.shared import warnings_ignored
from mlptrain.text import show_path


def read_mask(path: str, image_path: str, form: Form, outside: int) -> NDArray[np.uint8]:
    """The class numbers (height, width) of the mask at `path`, resized like the image at
    `image_path` but with nearest-neighbour sampling; `outside` fills the border that `resize: pad`
    adds. Raises UnreadableError, also if the two files differ in size."""
    try:
        image, size = _decoded(path, form), look_of(image_path, form).size
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(explained(error)) from None
    if image.size != size:
        raise UnreadableError(
            f"is {image.width}×{image.height}, but its image ({show_path(image_path)}) is "
            f"{size[0]}×{size[1]}; a mask has a value for each pixel of its image"
        )
    height, width, _ = form.shape
    if image.size != (width, height):
        image = resized(image, (width, height), form.resize, outside, Image.Resampling.NEAREST)
    return np.array(image, np.uint8)


def _decoded(path: str, form: Form) -> Image.Image:
    data = read_file(path, 8 * form.max_pixels + (1 << 20))
    if not data.startswith(png.SIGNATURE):
        raise UnreadableError("is not a PNG. A mask is a gray or palette PNG")
    checked = png.check_png(data, form.max_pixels)
    if checked.header.colour_type not in (png.GRAY, png.PALETTE) or checked.header.depth > 8:
        raise UnreadableError(
            "is a colour, transparent or 16-bit PNG. A mask is a gray or palette PNG of 8 bits, "
            "its values the classes"
        )
    levels = checked._replace(transparency=None)
    if levels.header.colour_type == png.GRAY and levels.header.depth < 8:
        # read as indices, because Pillow scales gray levels of 1, 2 and 4 bits to 0 … 255
        header = levels.header._replace(colour_type=png.PALETTE)
        levels = levels._replace(header=header, palette=bytes(3 << levels.header.depth))
    with warnings_ignored:
        image = PngImageFile(BytesIO(levels.minimal_file()))
        image.load()
    return Image.frombytes("L", image.size, image.tobytes())

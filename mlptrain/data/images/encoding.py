"""From pixels to the bytes of a PNG."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def encode_png(pixels: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> bytes:
    """A PNG of pixels (H, W), (H, W, 1) or (H, W, 3); with `palette` (n, 3), pixels (H, W) are
    indices into it."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()

"""Pictures inside the page: examples, masks and weights as PNG data."""

from base64 import b64encode
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images.encoding import encode_png
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Model
from mlptrain.report.markup import element

Pixels = NDArray[np.uint8]

MOST_UNITS = 48
_SIDE = 64  # pixels of a thumbnail, at most
_STEPS = 31  # of the colours of weights on either side of zero
_NEGATIVE, _ZERO, _POSITIVE = (
    np.array(colour, np.float64) for colour in ((178, 63, 8), (250, 250, 250), (24, 78, 160))
)


def picture(pixels: Pixels, text: str, palette: Pixels | None = None) -> Element:
    """An image of pixels (H, W) or (H, W, C); `text` says what it shows, "" if the page does;
    `palette` (n, 3): the colours of the values."""
    data = b64encode(encode_png(pixels, palette)).decode()
    height, width = pixels.shape[:2]
    return element("img", src=f"data:image/png;base64,{data}", alt=text, width=width, height=height)


def thumbnail(pixels: Pixels, text: str, palette: Pixels | None = None) -> Element:
    """The same, smaller if it is large."""
    small = smaller(pixels) if palette is None else _thinned(pixels)
    return picture(small, text, palette)


def smaller(values: NDArray[Any]) -> NDArray[Any]:
    """Means over squares of the values (H, W, C), so that neither side is longer than a
    thumbnail's; of the same type."""
    every = _every(values)
    if every == 1:
        return values
    height, width = (max(1, side // every) for side in values.shape[:2])
    rows, columns = (min(every, side) for side in values.shape[:2])
    whole = values[: height * rows, : width * columns]
    squares = whole.reshape(height, rows, width, columns, -1).mean(axis=(1, 3))
    rounded = np.rint(squares) if values.dtype == np.uint8 else squares
    return np.asarray(rounded, values.dtype)


def first_weights(model: Model, shape: tuple[int, ...]) -> list[Element]:
    """The weights of the first layer with parameters as pictures of the input's `shape`, of the
    units with the largest ones; none if that layer is not dense or `shape` is no image's."""
    first = next(placed for placed in model.layers if placed.shapes())
    if len(shape) != 3 or not isinstance(first.layer, Dense):
        return []
    fetch, arena = model.arena.backend.fetch, model.arena
    kernel = np.asarray(fetch(arena.value(f"{first.name}/kernel")), np.float64)
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:MOST_UNITS]
    return [_weights(smaller(kernel[:, unit].reshape(shape))) for unit in order.tolist()]


def _weights(values: NDArray[np.float64]) -> Element:
    """Weights (H, W, C): of one channel from orange over white to blue, of three as colours with
    gray for zero; the largest have the full colour."""
    shares = values / (np.abs(values).max() or 1.0)
    if values.shape[2] == 3:
        return picture(np.rint(127.5 * (1 + shares)).astype(np.uint8), "")
    levels = np.rint(shares.mean(axis=2) * _STEPS).astype(int) + _STEPS
    mix = np.abs(np.arange(-_STEPS, _STEPS + 1))[:, None] / _STEPS
    ends = np.where(np.arange(-_STEPS, _STEPS + 1)[:, None] < 0, _NEGATIVE, _POSITIVE)
    palette = np.rint(_ZERO + mix * (ends - _ZERO)).astype(np.uint8)
    return picture(levels.astype(np.uint8), "", palette)


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    every = _every(values)
    return values[::every, ::every]


def _every(values: NDArray[Any]) -> int:
    longest: int = max(values.shape[:2])
    return -(-longest // _SIDE)

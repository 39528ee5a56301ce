"""Images as arrays (H, W, C), in the shape set by `data.image`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images.decoding import explained, read_image, read_into
from mlptrain.data.images.fitting import refit
from mlptrain.data.images.form import Expected
from mlptrain.data.images.settings import ImageSettings
from mlptrain.errors import DataError
from mlptrain.text import show_path


def resolve(settings: ImageSettings, paths: Sequence[str]) -> tuple[ImageSettings, Expected | None]:
    """Fill in mode, height and width from the first of `paths` that can be read.

    Also returns what the other training images must match. Raises DataError if something must be
    filled in but none of `paths` can be read."""
    if settings.mode is not None and settings.height is not None:
        return settings, None
    reason = "there are no images"
    for path in paths:
        try:
            image, size = read_image(path, settings.form)
        except Exception as error:
            reason = reason if path != paths[0] else f"{show_path(path)}: {explained(error)}"
            continue
        resolved = _filled_in(settings, size, colour=image.mode == "RGB")
        gray = settings.mode is None and image.mode == "L"
        common = size if settings.height is None else None
        return resolved, Expected(path, gray, common) if gray or common else None
    raise DataError(f"none of the {len(paths):,} images can be read. The first: {reason}")


def load_image(path: str, settings: ImageSettings) -> NDArray[np.uint8]:
    """The image at `path` as uint8 (H, W, C), with resolved `settings`. Raises DataError."""
    pixels = np.empty(settings.shape, np.uint8)
    bad = read_into(pixels.reshape(-1).data, [path], settings.form, None).bad
    if bad:
        raise DataError(f"{show_path(path)}: {bad[0]}")
    return pixels


def allocate(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """An uninitialized array (count, H, W, C) for `count` images of `shape`. Raises DataError if
    memory does not suffice."""
    try:
        return np.empty((count, *shape), np.uint8)
    except (MemoryError, ValueError):
        raise DataError(
            f"{count:,} images of {'×'.join(map(str, shape))} bytes do not fit into "
            "memory. Set a smaller data.image.height and data.image.width, or, for image files, "
            "data.cache to true, which keeps them on the disk."
        ) from None


def fit_array(
    images: NDArray[np.uint8], settings: ImageSettings
) -> tuple[NDArray[np.uint8], ImageSettings]:
    """Convert images (n, h, w, 1 or 3) to the shape in `settings`; what these leave open is
    resolved from the images. Raises DataError if memory does not suffice."""
    count, height, width, channels = images.shape
    settings = _filled_in(settings, (width, height), colour=channels == 3)
    if settings.shape == images.shape[1:]:
        return images, settings
    form = settings.form
    result = allocate(count, form.shape)
    rows = result.reshape(count, -1)
    for index, pixels in enumerate(images):
        other = refit(pixels.tobytes(), (width, height), form, colour=channels == 3)
        rows[index] = np.frombuffer(other, np.uint8)
    return result, settings


def form_of(images: NDArray[np.uint8]) -> tuple[str, tuple[int, int]]:
    """The mode, "L" or "RGB", and (width, height) of images (n, h, w, 1 or 3)."""
    _, height, width, channels = images.shape
    return "L" if channels == 1 else "RGB", (width, height)


def _filled_in(settings: ImageSettings, size: tuple[int, int], *, colour: bool) -> ImageSettings:
    found: dict[str, Any] = {}
    if settings.mode is None:
        found["mode"] = "rgb" if colour else "grayscale"
    if settings.height is None:
        found["width"], found["height"] = size
    return settings.model_copy(update=found)

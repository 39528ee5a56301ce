"""What image files are converted to, and what they must be."""

from collections.abc import Sequence
from typing import NamedTuple

from mlptrain.paths import UnreadableError
from mlptrain.text import show_path

_CHANNELS = {"grayscale": 1, "rgb": 3}


class Form(NamedTuple):
    """Which files are accepted, and what their images are converted to: the `data.image` section of
    the config, whose schema describes the fields."""

    mode: str | None
    height: int | None
    width: int | None
    resize: str
    formats: Sequence[str]
    max_pixels: int
    background: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image. Raises ValueError if any is None."""
        if self.mode is None or self.height is None or self.width is None:
            raise ValueError("these image settings are not resolved yet")
        return self.height, self.width, _CHANNELS[self.mode]


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise UnreadableError, before decoding, if that would give more than `max_pixels`."""
    if width * height > max_pixels:
        raise UnreadableError(
            f"decodes to {width}×{height}, {width * height:,} pixels; {max_pixels:,} are allowed. "
            "Raise data.image.max_pixels, or for a trained model --max-pixels"
        )


class Expected(NamedTuple):
    """What the training images must have in common where the config leaves it open: all gray, or
    all of one (width, height); None where the config sets it.

    Attributes:
        first: the training image that the others must match; None for a trained model, which
            converts images that differ.
    """

    first: str | None
    gray: bool = False
    size: tuple[int, int] | None = None

    def allows(self, mode: str, size: tuple[int, int]) -> bool:
        """Whether an image of `mode` ("L" or "RGB") and (width, height) `size` matches. Raises
        UnreadableError if it must but does not."""
        colour = self.gray and mode == "RGB"
        resized = self.size is not None and size != self.size
        if self.first is None:
            return not (colour or resized)
        if colour:
            raise UnreadableError(
                f"is a colour image, but the first image ({show_path(self.first)}) is grayscale; "
                "set data.image.mode"
            )
        if self.size is not None and resized:
            raise UnreadableError(
                f"is {size[0]}×{size[1]}, but the first image ({show_path(self.first)}) "
                f"is {self.size[0]}×{self.size[1]}; "
                "set data.image.height and data.image.width to resize"
            )
        return True

    def tell_of_unlike(self, count: int, total: int, resize: str) -> str:
        """A note for the user on the `count` of `total` images that differ from the training
        images; they are converted, with `resize` from data.image.resize."""
        what = ["grayscale"] if self.gray else []
        what += ["×".join(map(str, self.size))] if self.size else []
        how = f" (data.image.resize: {resize})" if self.size else ""
        return (
            f"{count:,} of {total:,} images differ from the training images, which were all "
            f"{' '.join(what)}; converted to that{how}"
        )


class Findings(NamedTuple):
    """The results of reading images, by index: why some are `bad`, and which differ from the
    training images (`unlike`) but were read."""

    bad: dict[int, str]
    unlike: list[int]

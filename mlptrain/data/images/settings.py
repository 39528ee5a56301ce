"""The `data.image` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlptrain.data.images.form import Expected, Form
from mlptrain.registry import Definition

Mode = Literal["grayscale", "rgb"]
Format = Literal["png", "jpeg", "bmp", "gif", "webp", "tiff", "pnm"]


class ImageSettings(Definition):
    """How image files become arrays."""

    mode: Annotated[
        Mode | None, Field(description="grayscale (C=1) or rgb (C=3); null: as the first image is")
    ] = None
    height: Annotated[
        int | None, Field(ge=1, description="pixels; null: as the first training image is")
    ] = None
    width: Annotated[
        int | None, Field(ge=1, description="pixels; null: as the first training image is")
    ] = None
    resize: Annotated[
        Literal["stretch", "pad", "crop"],
        Field(description="stretch, pad (with the background) or crop (the centre) to size"),
    ] = "stretch"
    formats: Annotated[
        tuple[Format, ...],
        Field(
            strict=False, min_length=1, description="any of png, jpeg, bmp, gif, webp, tiff, pnm"
        ),
    ] = ("png", "jpeg")
    max_pixels: Annotated[
        int, Field(ge=1, description="no image is decoded to more pixels than this")
    ] = 64_000_000
    background: Annotated[
        int, Field(ge=0, le=255, description="gray level behind transparent pixels, 0..255")
    ] = 255

    @model_validator(mode="after")
    def _size_is_whole(self) -> Self:
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width go together; give both or neither")
        return self

    @property
    def form(self) -> Form:
        """The form that decoding uses."""
        return Form(**dict(self))

    def common(self, resolved: Self) -> Expected | None:
        """What the training images had in common when these settings were `resolved` from them."""
        gray = self.mode is None and resolved.mode == "grayscale"
        size = None
        if self.height is None and resolved.height is not None and resolved.width is not None:
            size = (resolved.width, resolved.height)
        return Expected(None, gray, size) if gray or size else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image; only after `resolve`."""
        return self.form.shape

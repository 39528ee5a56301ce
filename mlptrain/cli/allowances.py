"""`--formats` and `--max-pixels`: which image files a trained model accepts, overriding its
config."""

from typing import Any

from pydantic import ValidationError

from mlptrain.data.images.settings import ImageSettings
from mlptrain.errors import UsageError


def parse_allowances(formats: str | None, max_pixels: int | None) -> dict[str, Any]:
    """The image settings that the two options replace. Raises UsageError."""
    allowed: dict[str, Any] = {} if max_pixels is None else {"max_pixels": max_pixels}
    if formats is not None:
        names = tuple(name.strip() for name in formats.split(","))
        try:
            allowed["formats"] = ImageSettings.model_validate({"formats": names}).formats
        except ValidationError:
            raise UsageError(
                f"--formats {formats}: is no list of formats. Name any of png, jpeg, bmp, gif, "
                "webp, tiff, pnm, for example --formats png,jpeg,webp."
            ) from None
    return allowed

"""The header of a checkpoint file, read without the rest."""

import json
import os
from pathlib import Path
from typing import Any

from mlptrain.data.images.form import Expected, Form
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.images.signatures import sniff
from mlptrain.errors import DataError
from mlptrain.paths import opened

DOCUMENT = "mlptrain"
MAX_HEADER_BYTES = 1 << 19  # a header parsed by Python takes up to 24 times its size


def document(header: bytes) -> Any:
    """The JSON document in a header. A malformed header raises many kinds of error."""
    return json.loads(json.loads(header)["__metadata__"][DOCUMENT])


def read_document(path: Path) -> Any:
    """The JSON document in the header of the checkpoint `path`, which may be anything. Raises
    DataError or, if the file is no checkpoint, ValueError, LookupError, TypeError or
    RecursionError."""
    with opened(os.fspath(path)) as (file, _):
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        return document(file.read(length))


def image_form(path: Path) -> tuple[Form | None, Expected | None]:
    """The form into which the model in `path` converts images, and what its training images had in
    common. None if the file is no checkpoint; `checkpoint.load` reports that error."""
    try:
        about = read_document(path)
        image, given = (
            ImageSettings.model_validate(settings, strict=False)
            for settings in (about["image"], about["config"]["data"]["image"])
        )
    except (DataError, ValueError, LookupError, TypeError, RecursionError):
        return None, None
    if image.mode is None or image.height is None:
        return None, None
    return image.form, given.common(image)


def looks_like(data: bytes) -> str:
    """What the bytes `data`, which are no complete checkpoint, look like."""
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= MAX_HEADER_BYTES:
        return f"is only the first {len(data):,} bytes of a checkpoint"
    image = sniff(data)
    if image is not None:
        return f"is an image ({image}), not a checkpoint"
    text = data[:1000].decode(errors="replace")
    if "\0" not in text and "\ufffd" not in text[:-1]:  # the last character may be cut off
        return "is a text file, not a checkpoint"
    return "is not a checkpoint of mlptrain"

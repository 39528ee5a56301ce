"""What stands at the start of a checkpoint file, for those who need no more of it."""

import json
import os
from pathlib import Path
from typing import Any

from mlptrain.data.form import Form
from mlptrain.data.reading import opened
from mlptrain.data.settings import ImageSettings
from mlptrain.errors import DataError

DOCUMENT = "mlptrain"
MAX_HEADER_BYTES = 1 << 19  # what Python makes of a header takes up to 24 times its size


def document(header: bytes) -> Any:
    """The JSON document in a header. Raises many kinds of error if it holds none."""
    return json.loads(json.loads(header)["__metadata__"][DOCUMENT])


def image_form(path: Path) -> Form | None:
    """What the model in the file `path` has images turned into; None if that is no checkpoint,
    which is for those to explain who load it."""
    try:
        with opened(os.fspath(path)) as (file, _):
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER_BYTES:
                return None
            image = document(file.read(length))["image"]
        form = ImageSettings.model_validate(image, strict=False).form
    except (DataError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return None if form.mode is None or form.height is None else form

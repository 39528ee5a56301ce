"""What the user may write for a data source: a path, or a mapping.

    train: digits/train                                 # a folder, because of its name
    train: {type: csv, path: digits.csv}                # the same, in full, for each kind
    train: {images: a-images-idx3.gz, labels: a-labels-idx1.gz}

The kind of a path follows from its name alone; no file is looked at.
"""

import re
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.idx import Idx
from mlptrain.data.sources.manifest import Manifest
from mlptrain.data.sources.npz import Npz

_IDX_IMAGES = re.compile(r"images([-.])idx3")


def _typed(value: object) -> object:
    """Add to a path, or to a mapping without `type`, the type it has by its names."""
    if isinstance(value, str):
        return _from_path(value)
    if not isinstance(value, dict) or "type" in value:
        return value
    if "images" in value or "labels" in value:
        return {"type": "idx", **value}
    if isinstance(value.get("path"), str):
        return {**_from_path(value["path"]), **{k: v for k, v in value.items() if k != "path"}}
    return value


def _from_path(path: str) -> dict[str, Any]:
    name = PurePath(path).name
    if _IDX_IMAGES.search(name):
        labels = _IDX_IMAGES.sub(r"labels\1idx1", name)
        return {"type": "idx", "images": path, "labels": str(PurePath(path).with_name(labels))}
    suffix = PurePath(path).suffix.lower()
    return {"type": {".csv": "csv", ".npz": "npz"}.get(suffix, "folder"), "path": path}


SourceChoice = Annotated[
    Annotated[Folder | Manifest | Idx | Npz, Field(discriminator="type")],
    BeforeValidator(
        _typed,
        json_schema_input_type=str
        | Annotated[Folder | Manifest | Idx | Npz, Field(discriminator="type")],
    ),
]

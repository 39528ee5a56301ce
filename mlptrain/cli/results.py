"""What `--json` prints."""

from collections.abc import Mapping
from json import dumps
from typing import Any

from mlptrain.text import printable_json


def print_json(record: Mapping[str, Any]) -> None:
    """Print `record` as one strict JSON object."""
    print(printable_json(dumps(record, allow_nan=False, indent=2)))

"""A config as one mapping from keys such as training.epochs to values."""

from typing import Any


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """The values in nested mappings by key; a list is one value."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree}
    return {k: v for key, value in tree.items() for k, v in flat(value, f"{prefix}{key}.").items()}

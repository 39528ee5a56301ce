"""The model that a command works on."""

import sys
from pathlib import Path

from mlptrain.text import show_path
from mlptrain.training.model_path import find_checkpoint


def chosen_checkpoint(model: Path | None) -> Path:
    """The checkpoint to use. If the user named none, its name goes to stderr."""
    checkpoint = find_checkpoint(model)
    if model is None:
        print(f"using the latest run: {show_path(checkpoint.parent)}", file=sys.stderr)
    return checkpoint

"""The model that a command works on."""

from pathlib import Path

from mlptrain.cli.notes import USUAL, Notes
from mlptrain.text import show_path
from mlptrain.training.model_path import find_checkpoint


def chosen_checkpoint(model: Path | None, notes: Notes = USUAL) -> Path:
    """The checkpoint to use. If the user named none, `notes` tell its name."""
    checkpoint = find_checkpoint(model)
    if model is None:
        notes.tell(f"using the latest run: {show_path(checkpoint.parent)}")
    return checkpoint

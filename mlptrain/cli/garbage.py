"""Garbage collection, which rests while a command is imported.

What is imported stays, but the collector would search it again and again: a tenth of the time in
which `predict` answers for one image.
"""

import gc


def pause_collection() -> None:
    """Let the collector rest."""
    gc.disable()


def resume_collection() -> None:
    """Let it search again, but only what is allocated from now on."""
    gc.freeze()
    gc.enable()

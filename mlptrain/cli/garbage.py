"""Garbage collection, which is off while a command is imported.

Imported modules stay in memory, but the collector would scan them again and again: a tenth of the
time that `predict` takes for one image.
"""

import gc


def pause_collection() -> None:
    """Turn the collector off."""
    gc.disable()


def resume_collection() -> None:
    """Turn the collector on again, but only for objects allocated from now on."""
    gc.freeze()
    gc.enable()

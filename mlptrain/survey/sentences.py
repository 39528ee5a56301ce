"""Facts about data as sentences, for the comments of a config and for the terminal."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.dataset import IMAGES, NUMBERS, Words
from mlptrain.data.read_dataset import Lists
from mlptrain.data.sources.source import Arrays
from mlptrain.data.targets import ClassTargets, LabelTargets, NumberTargets
from mlptrain.survey.facts import Looks
from mlptrain.survey.inventory import Inventory
from mlptrain.text import show_name, show_path

_MODES = {"L": "grayscale", "RGB": "RGB"}
_MOST_SHOWN = 10


def words_for(lists: Lists) -> Words:
    """How to speak of examples."""
    content = lists.content
    is_numbers = isinstance(content, Arrays) and content.inputs.dtype != np.uint8
    return NUMBERS if is_numbers else IMAGES


def facts_of(found: Inventory) -> list[str]:
    """What is known of the training examples."""
    facts = [_counts(found), *_of_array(found.train)]
    if found.looks is not None:
        facts += [told_looks(found.looks)] if found.looks.sizes else []
        facts += _of_bad(found.looks)
        facts.append(_of_copies(found))
    if found.guess.left_out:
        facts.append(f"Columns left out: {_listed(found.guess.left_out)}.")
    return facts


def _counts(found: Inventory) -> str:
    """How many examples there are, and of what."""
    targets, count = found.train.targets, words_for(found.train).count(len(found.train.rows))
    match targets:
        case ClassTargets():
            sizes = np.bincount(targets.values, minlength=len(targets.names))
            least, most = int(sizes.min()), int(sizes.max())
            each = f"{least:,} each" if least == most else f"{least:,} to {most:,}"
            share = "" if least == most else f"; the largest is {most / sizes.sum():.1%} of all"
            named = _named(targets.names, sizes)
            return f"{count} in {len(sizes):,} classes of {each}{share}. {named}"
        case LabelTargets():
            sizes = targets.values.sum(axis=0, dtype=np.int64)
            none = int((targets.values.sum(axis=1) == 0).sum())
            without = f", {none:,} without any" if none else ""
            return f"{count} with {len(sizes):,} labels{without}. {_named(targets.names, sizes)}"
        case NumberTargets():
            lows, highs = targets.values.min(axis=0), targets.values.max(axis=0)
            ranges = [
                f"{show_name(name)} from {low:g} to {high:g}"
                for name, low, high in zip(targets.names, lows, highs, strict=True)
            ]
            return f"{count}; {_listed(ranges)}."
    return f"{count}."


def _of_array(lists: Lists) -> list[str]:
    content = lists.content
    if not isinstance(content, Arrays):
        return []
    shape = "×".join(map(str, content.inputs.shape[1:]))
    if words_for(lists) is IMAGES:
        return [f"Each is {shape}: height, width, channels."]
    columns = f": {_listed(list(map(show_name, content.features)))}" if content.features else ""
    return [f"Each has {shape} numbers{columns}."]


def told_looks(looks: Looks) -> str:
    """The sizes and modes of image files, some of which can be read."""
    where = "" if looks.sampled == looks.total else f", by a sample of {looks.sampled:,} files"
    sizes = sorted(looks.sizes, key=lambda size: size[0] * size[1])
    small, large = ("×".join(map(str, size)) for size in (sizes[0], sizes[-1]))
    are = f"All are {small}" if len(sizes) == 1 else f"{len(sizes)} sizes from {small} to {large}"
    modes = " and ".join(
        f"{_MODES[mode]}{f' ({count:,})' if len(looks.modes) > 1 else ''}"
        for mode, count in looks.modes.most_common()
    )
    return f"{are} (width×height), {modes}{where}."


def _of_bad(looks: Looks) -> list[str]:
    if not looks.bad:
        return []
    path, reason = looks.bad[0]
    count = f"{len(looks.bad):,} of {looks.sampled:,} files looked at"
    return [f"{count} cannot be used, such as {show_path(path)}: {reason}."]


def _of_copies(found: Inventory) -> str:
    first = found.originals
    if first is None:
        return "Copies were not looked for, because there are many files."
    copies = np.flatnonzero(first != np.arange(len(first)))
    if not len(copies):
        return "No two files have the same content."
    texts = found.train.targets.texts()
    relabelled = sum(texts[i] != texts[first[i]] for i in copies.tolist())
    noun = found.train.targets.exact_noun
    wrong = f", {relabelled:,} with another {noun}" if relabelled and noun else ""
    copied = "file is a copy" if len(copies) == 1 else "files are copies"
    return f"{len(copies):,} {copied} of another{wrong}."


def _named(names: Sequence[str], sizes: NDArray[np.int64]) -> str:
    pairs = zip(names, sizes.tolist(), strict=True)
    return f"{_listed([f'{show_name(name)} ({size:,})' for name, size in pairs])}."


def _listed(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_MOST_SHOWN])
    return (
        shown if len(texts) <= _MOST_SHOWN else f"{shown} … and {len(texts) - _MOST_SHOWN:,} more"
    )

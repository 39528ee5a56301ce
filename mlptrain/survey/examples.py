"""Findings about single examples: files, copies, images of one colour."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mlptrain.data.copies import are_one_file, copies_across
from mlptrain.data.dataset import IMAGES, Dataset
from mlptrain.data.digests import originals
from mlptrain.data.images.settings import ImageSettings
from mlptrain.survey.facts import looks_of
from mlptrain.survey.finding import Finding
from mlptrain.survey.sentences import told_looks
from mlptrain.text import show_name, show_path

_SAMPLE = 2_000  # image files whose headers are read for their sizes and modes


def unusable_files(split: str, dataset: Dataset, usable: int, *, skip: bool) -> Iterator[Finding]:
    """The files of a split that cannot be used, beside those `usable`: an error, unless the config
    skips them."""
    if not dataset.skipped:
        return
    count = len(dataset.skipped)
    yield Finding(
        "warning" if skip else "error",
        "unusable_file",
        f"data.{split}",
        f"{count:,} of {count + usable:,} files cannot be used",
        "They are skipped, as data.on_bad_image says."
        if skip
        else "Repair or remove them, or set data.on_bad_image to skip.",
        tuple(f"{show_path(bad.path)}: {bad.reason}" for bad in dataset.skipped),
    )


def mixed_looks(split: str, dataset: Dataset, image: ImageSettings) -> Iterator[Finding]:
    """Image files of several sizes or modes, which become one."""
    if dataset.array is not None or dataset.words is not IMAGES:
        return
    looks = looks_of([dataset.path(index) for index in range(len(dataset))], _SAMPLE)
    if len(looks.sizes) > 1 or len(looks.modes) > 1:
        height, width, _ = image.shape
        yield Finding(
            "warning",
            "mixed_images",
            f"data.{split}",
            f"mixed images: {told_looks(looks).removesuffix('.')}",
            f"All become {width}×{height}, {image.mode} (data.image.resize: {image.resize}).",
        )


def copies(split: str, dataset: Dataset) -> Iterator[Finding]:
    """Examples that are equal, and those of them with different targets."""
    first = originals(dataset.digests)
    found = np.flatnonzero(first != np.arange(len(first))).tolist()
    words, texts, noun = dataset.words, dataset.targets.texts(), dataset.targets.exact_noun
    if found:
        yield Finding(
            "warning",
            "copy",
            f"data.{split}",
            f"{len(found):,} of {_count(dataset)} have the same {words.values} as another",
            "Keep one of each: copies count several times.",
            tuple(f"{_name(dataset, i)} = {_name(dataset, first[i])}" for i in found),
        )
    unlike = [i for i in found if texts[i] != texts[first[i]]]
    if unlike and noun:
        yield Finding(
            "warning",
            "contradiction",
            f"data.{split}",
            f"equal {words.many} with different {noun}s: {len(unlike):,}",
            f"At most one {noun} of each can be right: keep that one.",
            tuple(
                f"{_labelled(dataset, i, texts)} = {_labelled(dataset, first[i], texts)}"
                for i in unlike
            ),
        )


def copies_between(parts: Mapping[str, Dataset]) -> Iterator[Finding]:
    """Held-out examples that are also in an earlier split."""
    names = list(parts)
    for index, later in enumerate(names):
        for earlier in names[:index]:
            first, second = parts[earlier], parts[later]
            pairs = copies_across(first, second)
            if same := [(i, j) for i, j in pairs if are_one_file(first, i, second, j)]:
                yield Finding(
                    "error",
                    "file_in_two_splits",
                    f"data.{later}",
                    f"{len(same):,} of {_count(second)} are files of data.{earlier}, too",
                    "Name other files, or a fraction.",
                    _pairs(first, second, same),
                )
            elif pairs:
                yield Finding(
                    "warning",
                    "copy_across_splits",
                    f"data.{later}",
                    f"{len(pairs):,} of {_count(second)} have the {second.words.values} of others "
                    f"in data.{earlier}",
                    "They are not held out in truth: remove them from one of the two.",
                    _pairs(first, second, pairs),
                )


def constant_images(split: str, dataset: Dataset) -> Iterator[Finding]:
    """Images of a single colour."""
    if dataset.words is not IMAGES:
        return
    flat = (part.reshape(len(part), -1, part.shape[-1]) for part in dataset.parts())
    constant = np.concatenate([(np.ptp(pixels, axis=1) == 0).all(axis=1) for pixels in flat])
    if constant.any():
        yield Finding(
            "warning",
            "constant_image",
            f"data.{split}",
            f"{constant.sum():,} of {_count(dataset)} have a single colour",
            "Remove those that are empty by mistake.",
            tuple(_name(dataset, index) for index in np.flatnonzero(constant).tolist()),
        )


def _count(dataset: Dataset) -> str:
    return dataset.words.count(len(dataset))


def _name(dataset: Dataset, index: int) -> str:
    return show_name(dataset.names[index])


def _labelled(dataset: Dataset, index: int, texts: Sequence[str]) -> str:
    name = _name(dataset, index)
    return f"{name} ({show_name(texts[index])})" if dataset.targets.readable else name


def _pairs(first: Dataset, second: Dataset, pairs: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(f"{_name(second, j)} = {_name(first, i)}" for i, j in pairs)

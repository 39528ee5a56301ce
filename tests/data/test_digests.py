"""Digests of images: which images they cover."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from array_files import IMAGES, LABELS, npz

from mlptrain.data import digests
from mlptrain.data.digests import digests_of
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.npz import Npz
from mlptrain.tasks.class_labels import ClassLabels


@pytest.mark.parametrize("rows", [None, [4, 0, 4], [1, 2], []])
def test_digests_are_those_of_the_rows_in_their_order(rows: list[int] | None) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 3, 3)).astype(np.uint8)
    wanted = images if rows is None else images[np.array(rows, int)]
    found = digests_of(images, None if rows is None else np.array(rows, int))
    assert found.shape == (len(wanted), 16)
    assert [row.tobytes() for row in found] == [
        hashlib.sha256(image.tobytes()).digest()[:16] for image in wanted
    ]


def test_only_what_is_wanted_of_an_array_is_digested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digested = []

    def sha256(data: memoryview) -> "hashlib._Hash":
        digested.append(bytes(data))
        return hashlib.new("sha256", data)

    (tmp_path / "d.npz").write_bytes(npz(x=IMAGES, y=LABELS))
    monkeypatch.setattr(digests.hashlib, "sha256", sha256)
    source = Npz(path=str(tmp_path / "d.npz"))
    some = ClassLabels(("0", "1", "2"), partial=True)
    dataset, _ = read(source, ImageSettings(), some, only={"d.npz[1]"})
    assert dataset.names == ("d.npz[1]",)
    assert digested == [IMAGES[1].tobytes()]

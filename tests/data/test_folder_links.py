"""Links inside class folders."""

from pathlib import Path

import numpy as np
from PIL import Image

from mlptrain.data.sources.folder import Folder


def test_a_link_back_to_the_root_brings_in_no_other_class(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name / "0.png")
    (tmp_path / "cat" / "up").symlink_to("..")
    content = Folder(path=str(tmp_path)).content()
    assert content.names == ("cat/0.png", "dog/0.png")
    assert content.labels == ("cat", "dog")

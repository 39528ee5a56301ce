from pathlib import Path

import pytest

from mlptrain.training.header import MAX_HEADER_BYTES, image_form
from mlptrain.training.trained_model import load_model


def test_it_is_what_the_model_says(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(data)
    saved = load_model(path)
    assert image_form(path) == (saved.image.form, saved.expected)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        bytes(100),
        (2**63).to_bytes(8, "little") + b"{}",
        (MAX_HEADER_BYTES + 1).to_bytes(8, "little") + bytes(MAX_HEADER_BYTES + 1),
        (4).to_bytes(8, "little") + b"null",
        (20).to_bytes(8, "little") + b'{"__metadata__": {}}',
    ],
)
def test_none_where_there_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model"
    assert image_form(path) == (None, None)
    path.write_bytes(content)
    assert image_form(path) == (None, None)
    assert image_form(tmp_path) == (None, None)

"""How names and paths are shown."""

import os

from mlptrain.text import show_path


def test_paths_are_shown_without_control_characters() -> None:
    name = os.fsdecode(b"a[/b]\xff\x1b[31m\n") + "é\u202e"
    assert show_path(name) == r"a[/b]\xff\x1b[31m\né\u202e"

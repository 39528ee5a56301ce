"""The generated pages are what `make docs` writes."""

import subprocess
import sys
from pathlib import Path

import pytest
from code_blocks import ROOT


@pytest.mark.slow
def test_the_generated_pages_are_fresh(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tools.reference", tmp_path], cwd=ROOT, check=True)
    there = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {path.name: path for path in (ROOT / "docs/reference").iterdir()}
    assert there.keys() == committed.keys()
    for name, path in committed.items():
        assert path.read_text(encoding="utf-8") == there[name], f"{name}: run make docs"

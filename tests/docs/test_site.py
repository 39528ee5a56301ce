"""The pages as a site: built without a warning, and complete without a network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from code_blocks import ROOT

LOADED = re.compile(
    r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="?(?://|https?:)[^>]*>'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a copy of the pages. An unknown link or anchor is an error."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "zensical.toml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder / "build/docs"


@pytest.mark.slow
def test_nothing_loads_from_the_network(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8"), style.name


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        address = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f'href="{address}"' in start or f'href="./{address}"' in start, address


def test_what_loads_from_the_network_is_found() -> None:
    assert LOADED.search('<script src="https://unpkg.com/x.js"></script>')
    assert LOADED.search('<link rel="stylesheet" href="//fonts.example/a.css">')
    assert not LOADED.search('<a href="https://example.com">x</a><img src="assets/a.svg">')


def test_the_links_of_the_readme_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / name).read_text(encoding="utf-8"))
        assert [link for link in links if not (ROOT / link).exists()] == []

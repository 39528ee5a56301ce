"""The code blocks of a page, and the folder where they are run in order.

- ``console``: commands after ``$ `` and what they print. A line ``...`` stands for any lines.
- ``sh``: commands.
- ``python``: run, all blocks of a page in one namespace.
- ``yaml``: a config, or a part of one, which must be valid.
- A block with a title that names a file of the repository shows lines of it; ``...`` or ``# ...``
  stands for any others. Any other title names a file that the following blocks use.
"""

import contextlib
import re
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin_loading import forgotten
from shell import run_in_shell

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.M | re.S
)
END = "--- end of a command: "
MACHINE = re.compile(r"\d+ threads?, \w+ kernels.*")  # differs from machine to machine
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
TIME = re.compile(r"[\d.]+ s\b")


@dataclass(frozen=True)
class Block:
    """A code block: where it is (`page:line`), its language, title and text."""

    place: str
    language: str
    title: str
    text: str

    def shows_a_file(self) -> bool:
        """Whether its title names a file of the repository."""
        return bool(self.title) and (ROOT / self.title).is_file()


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        place = f"{page.relative_to(ROOT)}:{line}"
        found.append(Block(place, match["language"], match["title"] or "", match["text"]))
    return found


def is_shown(lines: str, source: str) -> bool:
    """Whether `lines` are in `source`, at any indentation, in order; `...` stands for others."""
    rest = source.splitlines()
    for part in re.split(r"^(?:# )?\.\.\.\n", lines, flags=re.M):
        wanted = textwrap.dedent(part).splitlines()
        places = range(len(rest) - len(wanted) + 1)
        there = ("\n".join(rest[place : place + len(wanted)]) for place in places)
        found = [textwrap.dedent(each).splitlines() == wanted for each in there]
        if True not in found:
            return False
        rest = rest[found.index(True) + len(wanted) :]
    return True


class Session:
    """A copy of the repository's data and configs in `folder`, where blocks are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, Any] = {"__name__": "__main__"}
        shutil.copytree(ROOT / "configs", folder / "configs")
        for name in ("data", "tests"):
            (folder / name).symlink_to(ROOT / name)
        for split in ("train", "test"):  # the reader's own images
            for own, shape in ("cat", "red_circle"), ("dog", "blue_square"):
                (folder / "pets" / split).mkdir(parents=True, exist_ok=True)
                (folder / "pets" / split / own).symlink_to(ROOT / "data/shapes" / split / shape)
        shutil.copy(ROOT / "data/shapes/test/red_circle/0000.png", folder / "some.jpg")

    def python(self, block: Block) -> None:
        """Run a block in the page's namespace."""
        with contextlib.chdir(self.folder), forgotten():
            exec(compile(block.text, block.place, "exec"), self._names)

    def write(self, block: Block) -> None:
        """Write the file that a block shows."""
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, commands: list[str], *, forked: bool) -> list[tuple[int, str]]:
        """Run commands in one shell, as `run_in_shell` does; the exit code of each, and what it
        printed."""
        lines = [f"{command}\ncode=$?; echo '{END}'$code; (exit $code)" for command in commands]
        ended = run_in_shell("\n".join(lines), cwd=self.folder, forked=forked)
        parts = re.split(rf"^{END}(\d+)\n", ended.stdout, flags=re.M)
        return list(zip(map(int, parts[1::2]), parts[::2], strict=False))


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, each with the output shown below it."""
    if block.language == "sh":
        return [(line.partition("  #")[0], "") for line in block.text.splitlines() if line]
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def difference(shown: str, printed: str, *, by_value: bool) -> str:
    """What is printed other than shown; empty if nothing. Spaces may differ in number, and so may
    times; other numbers by a quarter, or, unless `by_value`, in any way."""
    left = [_normal(line) for line in printed.splitlines()]
    parts = [
        part.splitlines() for part in re.split(r"^ *\.\.\.\n", shown.rstrip() + "\n", flags=re.M)
    ]
    for number, part in enumerate(parts):
        lines = [_normal(line) for line in part]
        is_last = number == len(parts) - 1
        starts = range(len(left) - len(lines) + 1)
        candidates = starts if number else starts[:1]
        if is_last and (lines or number == 0):
            candidates = [start for start in candidates if start + len(lines) == len(left)]
        start = next(
            (s for s in candidates if _alike(lines, left[s : s + len(lines)], by_value)), None
        )
        if start is None:
            return f"shown:\n{shown}\nprinted:\n{printed}"
        left = left[start + len(lines) :]
    return ""


def _normal(line: str) -> str:
    return " ".join(TIME.sub("TIME", MACHINE.sub("MACHINE", line)).split())


def _alike(shown: list[str], printed: list[str], by_value: bool) -> bool:
    if [NUMBER.sub("N", line) for line in shown] != [NUMBER.sub("N", line) for line in printed]:
        return False
    numbers = [
        [float(each.replace(",", "")) for line in lines for each in NUMBER.findall(line)]
        for lines in (shown, printed)
    ]
    pairs = zip(*numbers, strict=True)
    return not by_value or all(abs(a - b) <= 0.1 + abs(a) / 4 for a, b in pairs)

"""Every code block of the README and of the pages in docs/ works, and prints what is shown."""

import re
from pathlib import Path

import pytest
from code_blocks import (
    PAGES,
    ROOT,
    Block,
    Session,
    blocks,
    commands,
    difference,
    is_shown,
)

from mlptrain.config.load import parse_config

# The beginnings of commands that no test runs, and why.
NOT_RUN = {
    "pip install": "needs the network; every test runs an installed package",
    "make ": "installs the project, and runs these tests",
}
# Files that no test uses, and why.
NOT_USED = {
    ".github/workflows/model.yml": "needs GitHub; metrics.md runs its commands",
    "photos.csv": "lists photos that are not there",
}
# Pages whose networks are trained as long as they say, if it is shown what that prints, so that the
# numbers can be compared.
WHOLE = {"README.md", "docs/getting-started.md", "docs/config.md", "docs/tasks/classification.md"}
# As long as they say, but stopped at any step, by a signal, which only a real process gets.
ANY_NUMBERS = {"docs/resume.md"}
FEW = " --set training.epochs=4"  # for the others

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHOWN = [block for block in BLOCKS if block.shows_a_file()]
CONFIGS = [block for block in BLOCKS if block.language == "yaml" and not block.title]


def name(value: object) -> str:
    return value.place if isinstance(value, Block) else str(Path(str(value)).relative_to(ROOT))


@pytest.mark.parametrize("block", SHOWN, ids=name)
def test_lines_of_a_file_are_in_it(block: Block) -> None:
    assert is_shown(block.text, (ROOT / block.title).read_text(encoding="utf-8")), block.title


@pytest.mark.parametrize("block", CONFIGS, ids=name)
def test_configs_are_valid(block: Block) -> None:
    """Those without a title, which no command uses."""
    parse_config(block.text.encode(), Path("page.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_works(page: Path, tmp_path: Path) -> None:
    """Its blocks, in order."""
    session = Session(tmp_path)
    for block in blocks(page):
        if block.language in {"console", "sh"}:
            run(session, block, name(page))
        elif block.title and not block.shows_a_file():
            session.write(block)
        elif block.language == "python" and not block.title:
            session.python(block)


def run(session: Session, block: Block, page: str) -> None:
    """Run the commands of a block, and compare what they print. A command may fail only if the
    next one shows its exit code."""
    pairs = [(c, shown) for c, shown in commands(block) if not c.startswith(tuple(NOT_RUN))]
    given = [command for command, _ in pairs]
    is_whole = page in ANY_NUMBERS or (page in WHOLE and block.language == "console")
    results = session.run(
        [c if is_whole else few(c) for c in given], forked=page not in ANY_NUMBERS
    )
    assert len(results) == len(pairs), block.place
    for number, (code, printed) in enumerate(results):
        command, shown = pairs[number]
        is_code_shown = "echo $?" in " ".join(given[number : number + 2])
        assert code == 0 or is_code_shown, f"{block.place}: $ {command}\n{printed}"
        found = difference(shown, printed, by_value=page in WHOLE) if shown else ""
        assert not found, f"{block.place}: $ {command}\n{found}"


def few(command: str) -> str:
    """`command`, with few epochs if it trains."""
    return re.sub(r"(mlptrain train \S+)", rf"\1{FEW}", command)


def test_what_is_not_run_is_there() -> None:
    given = [command for block in BLOCKS for command, _ in commands(block)]
    titles = {block.title for block in BLOCKS}
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in given), start
    assert titles >= set(NOT_USED)

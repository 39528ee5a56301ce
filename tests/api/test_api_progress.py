"""The live line of `fit`: on a terminal, in a notebook, nowhere."""

import io
import sys
from typing import Any

import numpy as np
import pytest

import mlptrain
from mlptrain.cli import live
from mlptrain.cli.layout import LiveLine
from mlptrain.cli.live import NotebookDisplay
from mlptrain.training import descent

X = np.random.default_rng(0).standard_normal((60, 3))
CONFIG = {"training": {"epochs": 2, "batch_size": 5, "threads": 1}}
EVIL = "<script>"


class Terminal(io.StringIO):
    """A terminal that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REFRESH_SECONDS", 0)
    monkeypatch.setattr(descent, "CALL_SECONDS", 0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CI", raising=False)


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **arguments: Any) -> str:
    """What `fit` writes to stderr if that is `stream`."""
    monkeypatch.setattr(sys, "stderr", stream)
    mlptrain.fit(CONFIG, X, (X[:, 0] > 0).astype(int), **arguments)
    return stream.getvalue()


def test_a_terminal_shows_a_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "epoch 1/2" in text
    assert "step 11/11" in text
    assert text.endswith("\r\x1b[2K\x1b[?25h\r")  # the line is erased


def test_a_log_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(), progress=False) == ""


class Cell:
    """The output of a notebook's cell, as IPython's `display` fills it."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> "Cell":
        assert raw
        assert display_id
        assert self.shown == []
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


def test_a_notebook_shows_a_bar_that_is_updated_in_place() -> None:
    cell, now = Cell(), 0.0
    display = NotebookDisplay(cell.display, lambda: now)
    display.end()
    assert cell.shown == []
    for done in (1, 2):
        display.draw(LiveLine("epoch 1/3", done, 4, {"step": f"step {done}/4", "best": EVIL}))
    display.end()
    assert cell.shown == [
        {
            "text/plain": f"epoch 1/3   step {done}/4   {EVIL}",
            "text/html": f'<progress value="{done}" max="4"></progress> '
            f"epoch 1/3   step {done}/4   &lt;script&gt;",
        }
        for done in (1, 2)
    ] + [{"text/plain": "", "text/html": ""}]

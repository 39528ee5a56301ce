"""The live line as a function of time."""

import io
from pathlib import Path

import pytest

from mlptrain.cli.training_view import TrainingView
from mlptrain.training import descent
from mlptrain.training.events import StepsDone
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest


class Terminal(io.StringIO):
    """A terminal that somebody watches."""

    def isatty(self) -> bool:
        return True

    def received(self) -> str:
        """What came since the last time."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard output is a terminal of 100 columns."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CI", raising=False)
    return terminal


def test_it_is_drawn_at_most_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    now = 0.0
    view = TrainingView(clock=lambda: now)
    drawn = []
    for done in range(1, 41):
        now = done / 32
        view.reading("train", done, 100)
        if terminal.received():
            drawn.append(done)
    assert drawn == list(range(4, 41, 4))


def test_reading_that_takes_no_time_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    view = TrainingView(clock=lambda: 0.0)
    for done in range(1, 101):
        view.reading("train", done, 100)
    assert terminal.received() == ""


def test_the_time_left_is_that_of_the_steps_so_far(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three epochs of five steps, a minute each."""
    terminal = watched(monkeypatch)
    monkeypatch.setattr(descent, "CALL_SECONDS", 0)
    now = 0.0
    view = TrainingView(clock=lambda: now)
    left = []
    config = project / "tiny.yaml"
    with prepare_run(config, (), project / "run", resume=False, reading=view.reading) as run, view:
        view.start(run, resume=False)
        for event in run.train(StopRequest()):
            now += 60 * isinstance(event, StepsDone)
            terminal.received()
            view.show(event)
            if isinstance(event, StepsDone):
                left.append(terminal.received().split("up to ")[1].split(" left")[0])
    assert left == [f"{minutes}:00" for minutes in range(14, -1, -1)]

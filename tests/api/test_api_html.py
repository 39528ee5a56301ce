"""What notebooks show. Names are data and may hold markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from api_examples import Trained, command_line

import mlptrain
from mlptrain.api.html import MOST_ROWS, notes_list, records_table, table

EVIL = '<img src=x onerror=alert(1)>"&'


class Cells(HTMLParser):
    """The text of every cell of a page, and the names of its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.elements: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag in ("td", "th", "caption", "li"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.cells[-1] += data


TABLE = {"table", "thead", "tbody", "tr", "th", "td", "caption", "ul", "li"}


def test_everything_is_escaped() -> None:
    page = table([EVIL], [[EVIL]], EVIL) + records_table([{EVIL: EVIL}]) + notes_list([EVIL])
    found = Cells(page)
    assert found.elements == TABLE
    assert found.cells == [EVIL] * 6


def test_of_many_records_the_first_and_the_last_are_shown() -> None:
    found = Cells(records_table([{"n": n, "x": None} for n in range(1500)]))
    assert found.cells[:4] == ["n", "x", "0", "-"]
    assert found.cells[2 + MOST_ROWS : 4 + MOST_ROWS] == ["… 1,480 more", "1,490"]
    assert found.cells[-2:] == ["1,499", "-"]


def test_a_model_shows_its_layers(digits: Path) -> None:
    found = Cells(mlptrain.load(digits)._repr_html_())
    row = found.cells.index("dense_1")
    assert found.cells[row : row + 4] == ["dense_1", "relu", "64 → 512", "33,280"]


def test_results_of_every_task_are_shown(trained: Trained) -> None:
    model = mlptrain.load(trained.run)
    predictions, evaluation = model.predict(trained.x), model.evaluate()
    assert Cells(predictions._repr_html_()).elements <= TABLE
    found = Cells(evaluation._repr_html_()).cells
    assert set(evaluation["metrics"]) <= set(found)
    assert set(model.class_names) <= set(found)
    assert re.fullmatch(r"<Evaluation on test: \w+ \S+, loss \S+, n = 12>", repr(evaluation))
    assert repr(predictions) == "<Predictions: 12 records>"


@pytest.mark.slow
def test_class_names_with_markup_stay_text(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 4, 4)).astype(np.uint8)
    y = np.array([EVIL, "b"])[np.arange(40) % 2]
    np.savez(tmp_path / "d.npz", x=x, y=y)
    (tmp_path / "c.yaml").write_text("data: {train: d.npz}\ntraining: {epochs: 1}\n")
    command_line(tmp_path, "train", "c.yaml", "--run-dir", "run")
    model = mlptrain.load(tmp_path / "run")
    for each in (model, model.predict(x), model.evaluate(x + 1, y)):
        found = Cells(each._repr_html_())
        assert found.elements <= TABLE
        assert each is model or EVIL in found.cells

"""Reports in a real browser: nothing runs, nothing is fetched, nothing breaks."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from page_faults import faults
from playwright.sync_api import Browser
from task_runs import TASKS

from mlptrain.cli.app import run
from mlptrain.data.images.encoding import encode_png

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style></title><script>alert(2)</script>",
    "]]><!-- &lt;b&gt; {{7*7}}",
    "line\nbreak\r\tand\x1b[31m",
    "right\u202eto left \u05d0\u05d1",
    "n" * 300,
    "two words " * 30,
)
CONFIG = """\
data: {{train: {train}, test: {test}, image: {{mode: grayscale}}}}
model: {{hidden_layers: [4]}}
training: {{epochs: 1, threads: 1}}
"""


def trained(folder: Path, train: str, test: str) -> Path:
    (folder / "c.yaml").write_text(CONFIG.format(train=train, test=test))
    assert run(["train", str(folder / "c.yaml"), "--run-dir", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_sound_report(task: str, task_run, browser: Browser) -> None:
    folder = task_run(task)
    run(["report", str(folder)])
    assert faults(browser, folder / "report.html") == []


def test_hostile_names_neither_run_nor_break_anything(tmp_path: Path, browser: Browser) -> None:
    """As classes and as file names, in which "/" cannot be."""
    drawn = np.random.default_rng(0)
    for part in ("train", "test"):
        with (tmp_path / f"{part}.csv").open("w", newline="", errors="surrogateescape") as file:
            table = csv.writer(file)
            table.writerow(["filepath", "label"])
            for index, label in enumerate(HOSTILE * 2):
                name = f"{part}{index}" + os.fsdecode(b"\xff") + label.replace("/", "_")[:80]
                pixels = drawn.integers(0, 256, (8, 8), np.uint8)
                (tmp_path / f"{name}.png").write_bytes(encode_png(pixels))
                table.writerow([f"{name}.png", label])
    folder = trained(tmp_path, "train.csv", "test.csv")
    run(["report", str(folder)])
    report = folder / "report.html"
    assert faults(browser, report, accessibility=False) == []
    page = browser.new_page()
    page.goto(report.as_uri())
    headers = page.locator(".confusion tbody th").all_inner_texts()
    assert set(HOSTILE[:4]) <= set(headers)
    assert page.locator("script").count() == 0
    page.close()


@pytest.mark.parametrize("classes", [42, 1000])
def test_a_report_of_many_classes_is_small(classes: int, tmp_path: Path, browser: Browser) -> None:
    drawn = np.random.default_rng(0)
    names = np.array([f"kind of bird {index}" for index in range(classes)])
    for part in ("train", "test"):
        images = drawn.integers(0, 256, (2 * classes, 8, 8), np.uint8)
        np.savez(tmp_path / f"{part}.npz", x=images, y=np.tile(names, 2))
    folder = trained(tmp_path, "train.npz", "test.npz")
    run(["report", str(folder)])
    report = folder / "report.html"
    assert report.stat().st_size <= 300 * 1024
    assert f"kind of bird {classes - 1}<" in report.read_text()
    assert faults(browser, report, accessibility=classes < 100) == []


BROKEN = {
    "dialog: 1": "<script>alert(1)</script>",
    "1 broken images": '<img alt="" src="data:image/png;base64,AAAA">',
    "request: http://127.0.0.1:9/a.css": '<link rel="stylesheet" href="http://127.0.0.1:9/a.css">',
    "error: x": "<script>throw 'x'</script>",
    "wider than 400": '<p style="width: 1000px">wide</p>',
    "light: color-contrast": '<p style="color: #ccc">pale</p>',
    "light: image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC">',
    "dark: color-contrast": '<p style="color: light-dark(#000, #ccc)">pale in the dark</p>',
}


def test_what_a_page_can_do_wrong_is_found(tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<!DOCTYPE html><html lang="en"><title>t</title>'
        '<body style="background: white; color-scheme: light dark">'
        "<main><h1>h</h1></main></body></html>"
    )
    assert faults(browser, page) == []
    page.write_text(page.read_text().replace("</h1>", "</h1>" + "".join(BROKEN.values())))
    found = faults(browser, page)
    assert [said for said in BROKEN if not any(each.startswith(said) for each in found)] == []

"""Lists on the pages are complete: packages, exit codes, what a checkpoint holds."""

import re
from typing import Any

from code_blocks import ROOT

import mlptrain.config.schema  # noqa: F401  (it registers the tasks)
from mlptrain.errors import MlptrainError
from mlptrain.tasks.metrics.measure import metrics
from mlptrain.tasks.task import tasks
from mlptrain.training.checkpoint import FORMAT, State


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_architecture_shows_every_package() -> None:
    names = [path.parent.name for path in (ROOT / "mlptrain").glob("*/__init__.py")]
    assert [each for each in names if f"`mlptrain/{each}/`" not in page("architecture.md")] == []
    drawing = page("assets/packages.svg")
    assert [each for each in names if f">{each}</text>" not in drawing] == []


def test_every_exit_code_is_explained() -> None:
    codes: list[Any] = [each.exit_code for each in MlptrainError.__subclasses__()]
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", page("reliability.md"), re.M)}
    assert {code for code in codes if isinstance(code, int)} <= explained


def test_every_key_of_a_checkpoint_is_explained() -> None:
    text = page("checkpoint.md")
    table = text[text.index("| key |") : text.index("## Read")]
    explained = re.findall(r"^\| (`.*?`) \|", table, re.M)
    keys = {key.strip("` ") for cell in explained for key in cell.split(",")}
    assert keys == {"format", *State.model_fields}
    assert f"| `format` | {FORMAT} |" in table


def test_every_metric_is_listed() -> None:
    listed = page("metrics.md").replace("top_5_accuracy", "top_k_accuracy")
    assert [name for name in metrics if f"`{name}`" not in listed] == []


def test_every_task_has_a_page_with_its_loss_and_metric() -> None:
    for name, task in zip(tasks, tasks.definitions(), strict=True):
        text = page(f"tasks/{name.replace('_', '-')}.md")
        assert f"| task | `{name}` |" in text
        assert f"| default loss | `{task.loss}`" in text
        assert f"| metric of each epoch | `{task.headline}` |" in text

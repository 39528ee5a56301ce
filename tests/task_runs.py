"""A small run for every task, on the first of the drawn scenes."""

import csv
from pathlib import Path

SCENES = Path(__file__).parents[1] / "data" / "scenes"
TASKS = {
    "classification": "{type: classification, column: labels}",
    "multi_label": "multi_label",
    "regression": "{type: regression, targets: [angle, length]}",
    "autoencoder": "autoencoder",
    "segmentation": "{type: segmentation, ignore_index: 255}",
}
CONFIG = """\
task: {task}
data:
  train: train.csv
  test: test.csv
  validation: 0.25
model: {{hidden_layers: [16]}}
training:
  batch_size: 5
  epochs: 3
  threads: 1
seed: 1
"""


def scenes(split: str, count: int) -> list[dict[str, str]]:
    """The first `count` rows of a split, with absolute paths; the label is what a class can be."""
    with (SCENES / f"{split}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    for row in rows:
        for column in ("filepath", "mask"):
            row[column] = str(SCENES / row[column])
    return rows


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    """A CSV file of `rows`, which all have the same keys."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return path


def make_project(folder: Path, task: str) -> Path:
    """Put tables and config for `task` into `folder`; returns the config file."""
    for split, count in (("train", 40), ("test", 12)):
        rows = scenes(split, count)
        if task == "classification":
            for row in rows:
                row["labels"] = "night" if "night" in row["labels"] else "day"
        write_table(folder / f"{split}.csv", rows)
    config = folder / "tiny.yaml"
    config.write_text(CONFIG.format(task=TASKS[task]))
    return config

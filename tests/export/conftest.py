"""One small trained run per task, and one with every layer and activation."""

from pathlib import Path

import pytest
from exported_runs import DIGITS, EVERYTHING, PLAIN, train
from task_runs import TASKS, make_project

from mlptrain.export.comparison import examples
from mlptrain.training.trained_model import TrainedModel, load_model


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run folders: by task; "table", regression on a table in float64; "digits", three
    classes of gray images; and of classifiers, "plain", every activation but for one of gelu's, and
    "everything", those and every layer. Not to be changed."""
    found = {}
    for task in TASKS:
        folder = tmp_path_factory.mktemp(task)
        found[task] = train(make_project(folder, task), folder / "run", "training.epochs=1")
    folder = tmp_path_factory.mktemp("table")
    rows = "".join(f"{i},{i * i % 7},{3 * i - i * i % 7}\n" for i in range(40))
    (folder / "t.csv").write_text(f"a,b,target\n{rows}")
    (folder / "t.yaml").write_text(
        "task: regression\ndata: {train: {type: table, path: t.csv}, validation: 0.25}\n"
        "model: {hidden_layers: [4]}\ntraining: {epochs: 2, threads: 1}\n"
    )
    found["table"] = train(folder / "t.yaml", folder / "run")
    folder = tmp_path_factory.mktemp("digits")
    for split in ("train", "test"):
        (folder / split).mkdir()
        for digit in "123":
            (folder / split / digit).symlink_to(DIGITS / split / digit)
    (folder / "d.yaml").write_text(
        "data: {train: train, test: test, validation: 0.25}\n"
        "model: {layers: [{type: dense, units: 8, activation: tanh}]}\n"
        "training: {epochs: 1, threads: 1}\n"
    )
    found["digits"] = train(folder / "d.yaml", folder / "run")
    for name, layers in ("plain", PLAIN), ("everything", EVERYTHING):
        folder = tmp_path_factory.mktemp(name)
        found[name] = train(make_project(folder, "classification"), folder / "run", layers)
    return found


@pytest.fixture(scope="session")
def models(runs: dict[str, Path]) -> dict[str, TrainedModel]:
    """The models of `runs`."""
    return {name: load_model(run / "best.safetensors") for name, run in runs.items()}


@pytest.fixture(scope="session", autouse=True)
def _has_examples(models: dict[str, TrainedModel]) -> None:
    """The examples of every run are found: `random` ones would look alike to the network."""
    assert {examples(model)[1] for model in models.values()} == {
        "test images", "validation examples"
    }  # fmt: skip

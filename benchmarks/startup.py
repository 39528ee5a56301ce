"""The time of short commands, as whole processes, beside minimal scripts that do the same.

Three tasks: `--help`; predict one PNG; train one epoch on the digits, from reading the image files
to saving the model. The scripts, in `scripts/`, predict with the models they have trained.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.options import Options
from benchmarks.processes import MLPTRAIN, script
from benchmarks.report import Table
from benchmarks.spread import ratios, shown, times
from benchmarks.worker import ROOT

DIGITS = ROOT / "data" / "digits"
IMAGE = DIGITS / "test" / "7" / "0017.png"
PEERS = {
    "scikit-learn": ("sklearn", "digits.pickle"),
    "PyTorch": ("torch", "digits.pt"),
    "Keras on JAX": ("keras", "digits.keras"),
}
CONFIG = """\
data: {{train: {folder}, validation: null, normalize: none}}
model: {{hidden_layers: [64], activation: relu}}
training: {{batch_size: 32, epochs: 1}}
"""


def measure(options: Options) -> dict[str, dict[str, list[float]]]:
    """The seconds in each round, by task and contestant."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for task, commands in _tasks(Path(folder)).items():
            print(f"  {task}", flush=True)
            result[task] = processes.measure(commands, Path(folder), options.rounds)
    return result


def _tasks(folder: Path) -> dict[str, dict[str, list[str]]]:
    """The commands by task and contestant. Training comes first: its warm-up round makes the models
    to predict with."""
    config = folder / "digits.yaml"
    config.write_text(CONFIG.format(folder=DIGITS / "train"), encoding="utf-8")
    trainings = {"mlptrain": [MLPTRAIN, "train", str(config)]}
    predictions = {"mlptrain": [MLPTRAIN, "predict", str(IMAGE), "--model", "runs/digits-001"]}
    helps = {"mlptrain": [MLPTRAIN, "--help"]}
    for name, (prefix, file) in PEERS.items():
        train, model = f"{prefix}_train.py", folder / file
        trainings[name] = script(train, DIGITS / "train", model)
        predictions[name] = script(f"{prefix}_predict.py", model, IMAGE)
        helps[name] = script(train, "--help")
    return {
        "one epoch on the digits": trainings,
        "predict one image": predictions,
        "--help": helps,
    }


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            task,
            ["contestant", "seconds", "contestant / mlptrain"],
            [
                [name, shown(values, "{:.3f}".format), times(ratios(values, seconds["mlptrain"]))]
                for name, values in seconds.items()
            ],
        )
        for task, seconds in result.items()
    ]

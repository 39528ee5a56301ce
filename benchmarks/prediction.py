"""A folder of 10,000 PNG files through `mlptrain predict`, beside decoding them and nothing else.

Both are whole processes. One image is a matter of start-up: see `startup.py`.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.options import Options
from benchmarks.pictures import write_pictures
from benchmarks.processes import MLPTRAIN, script
from benchmarks.report import Table
from benchmarks.rows import ROWS
from benchmarks.spread import count, ratios, times

FILES = 10_000
PREDICT, DECODE = "mlptrain predict", "decoding alone"
CONFIG = """\
data: {{train: {pictures}, validation: null, normalize: none}}
model: {{hidden_layers: {hidden}, activation: relu}}
training: {{batch_size: 128, epochs: 1}}
"""


def measure(options: Options) -> dict[str, list[float]]:
    """Files per second in each round."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, config = Path(folder, "pictures"), Path(folder, "pictures.yaml")
        run = Path(folder, "run")
        pictures.mkdir()
        write_pictures(options.data, pictures, FILES)
        hidden = list(ROWS[3].hidden)
        config.write_text(CONFIG.format(pictures=pictures, hidden=hidden), encoding="utf-8")
        processes.run([MLPTRAIN, "train", str(config), "--run-dir", str(run)], Path(folder))
        predict = [MLPTRAIN, "predict", str(pictures), "--model", str(run), "--format", "csv"]
        decode = script("mlptrain_decode.py", pictures)
        commands = {PREDICT: predict, DECODE: decode}
        seconds = processes.measure(commands, Path(folder), options.rounds)
    return {name: [FILES / each for each in values] for name, values in seconds.items()}


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            f"{FILES:,} PNG files, 784-512-512-10",
            ["process", "files/s", "it / decoding alone"],
            [
                [name, count(rates), times(ratios(rates, result[DECODE]))]
                for name, rates in result.items()
            ],
        )
    ]

"""`mlptrain predict` on a folder of 10,000 PNG files, beside a process that only decodes them.

Whole processes are timed. Each also runs on a folder with one of the files: the difference is the
time of the files without start-up.
"""

import tempfile
from pathlib import Path

from benchmarks import processes
from benchmarks.options import Options
from benchmarks.pictures import write_pictures
from benchmarks.processes import MLPTRAIN, script
from benchmarks.report import Table
from benchmarks.rows import ROWS, Row
from benchmarks.spread import count, ratios, times

FILES = 10_000
KINDS = {"all": FILES, "one": 1}
DECODE = "decoding alone"
NETS = [ROWS[1], ROWS[3]]
CONFIG = """\
data: {{train: {pictures}, validation: null, normalize: none}}
model: {{hidden_layers: {hidden}, activation: relu}}
training: {{batch_size: 128, epochs: 1}}
"""


def measure(options: Options) -> dict[str, dict[str, list[float]]]:
    """For each process, the seconds in each round, for `all` files and for `one`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, images in KINDS.items():
            (folder / kind).mkdir()
            write_pictures(options.data, folder / kind, images)
        processes_of = {DECODE: script("mlptrain_decode.py")}
        for row in NETS:
            run = _trained(row, folder)
            predict = [MLPTRAIN, "predict", "--format", "csv", "--model", run]
            processes_of[f"predict with {_net(row)}"] = predict
        commands = {
            f"{name}, {kind}": [*command, kind]
            for name, command in processes_of.items()
            for kind in KINDS
        }
        seconds = processes.measure(commands, folder, options.rounds)
    return {name: {kind: seconds[f"{name}, {kind}"] for kind in KINDS} for name in processes_of}


def _net(row: Row) -> str:
    return "-".join(map(str, row.sizes))


def _trained(row: Row, folder: Path) -> str:
    """Train a net for one epoch on all pictures below `folder`, and return its run folder there."""
    run = folder / _net(row)
    config = run.with_suffix(".yaml")
    text = CONFIG.format(pictures=folder / "all", hidden=list(row.hidden))
    config.write_text(text, encoding="utf-8")
    processes.run([MLPTRAIN, "train", str(config), "--run-dir", str(run)], folder)
    return str(run)


def tables(result: dict[str, dict[str, list[float]]]) -> list[Table]:
    whole = {name: [FILES / each for each in seconds["all"]] for name, seconds in result.items()}
    beyond = {name: _beyond(seconds) for name, seconds in result.items()}
    rows = [
        [
            name,
            count(whole[name]),
            times(ratios(whole[name], whole[DECODE])),
            count(beyond[name]),
            times(ratios(beyond[name], beyond[DECODE])),
        ]
        for name in result
    ]
    ratio = "process / decoding"
    header = ["process", "files/s", ratio, "files/s without start-up", ratio]
    return [Table(f"{FILES:,} PNG files", header, rows)]


def _beyond(seconds: dict[str, list[float]]) -> list[float]:
    """Files per second in each round, without start-up and the first file."""
    pairs = zip(seconds["all"], seconds["one"], strict=True)
    return [(FILES - 1) / (most - one) for most, one in pairs]

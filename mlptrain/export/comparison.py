"""An export compared with its model: the target's own tool, in a process of its own, predicts for
examples of the run."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlptrain.backend.call import Array
from mlptrain.errors import DataError
from mlptrain.export.target import Target
from mlptrain.text import printable
from mlptrain.training.saved_examples import read_split
from mlptrain.training.split_table import read_beside
from mlptrain.training.trained_model import TrainedModel

EXAMPLES = 64
SPLITS = ("test", "validation", "train")
_BEGIN = """\
import sys
import numpy as np
path, dtype, *shape = sys.argv[1:]
x = np.frombuffer(sys.stdin.buffer.read(), dtype).reshape([int(side) for side in shape])
"""
_END = "\nsys.stdout.buffer.write(np.ascontiguousarray(y, '<f4').tobytes())\n"


class Comparison(NamedTuple):
    """How far an export's predictions are from the model's.

    Attributes:
        examples: how many were compared; 0: none.
        what: what these were, or why none were compared.
        largest: the largest difference between two numbers; None without a comparison.
        size: the largest number that the model predicted.
    """

    examples: int
    what: str
    largest: float | None = None
    size: float = 1.0


def compare(target: Target, path: Path, model: TrainedModel) -> Comparison:
    """Compare the export at `path`, if the tools are there to run it."""
    if not target.runs:
        return Comparison(0, f"{target.title} needs a browser, which is not started for that")
    missing = next((tool for tool in target.tools if find_spec(tool) is None), None)
    if missing:
        return Comparison(0, f"{missing} is not installed")
    inputs, what = examples(model)
    x = inputs.reshape(len(inputs), -1).astype(np.float32) if model.takes_numbers else inputs
    ours = np.array([values.copy() for _, values in model.answers(inputs, 1)])
    code = _BEGIN + target.runs + _END
    given = [str(path), x.dtype.str, *map(str, x.shape)]
    python = [sys.executable, "-P", "-c"]  # -P: imports nothing from the current folder
    ended = subprocess.run(
        [*python, code, *given], input=x.tobytes(), capture_output=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        return Comparison(0, f"{target.tools[0]} failed: {printable(said[-1]) if said else ''}")
    theirs = np.frombuffer(ended.stdout, "<f4").reshape(ours.shape)
    largest = float(np.abs(theirs.astype(np.float64) - ours).max())
    return Comparison(len(x), what, largest, float(np.abs(ours).max()))


def examples(model: TrainedModel) -> tuple[Array, str]:
    """At most EXAMPLES inputs (n, …) of a held-out split of the run, if its data is still there, or
    else random ones; and what they are."""
    try:
        members = None if model.path is None else read_beside(model.path, model.state)
        some = {name: each.first(EXAMPLES) for name, each in (members or {}).items()}
        for split in SPLITS:
            if split in some:
                found = read_split(model.state, model.image, split, some, lambda *_: None)
                return np.array(found.inputs[found.rows]), f"{split} {found.words.many}"
    except DataError:
        pass
    return _random(model), "random inputs"


def _random(model: TrainedModel) -> Array:
    random = np.random.default_rng(0)
    shape, scaling = (EXAMPLES, *model.state.shape), model.state.normalization
    if not model.takes_numbers:
        return random.integers(0, 256, shape, np.uint8)
    numbers = random.standard_normal((EXAMPLES, np.prod(shape[1:], dtype=int)))
    scaled = numbers * np.array(scaling.std) + np.array(scaling.mean)
    return np.asarray(scaled.reshape(shape), np.float32)

"""One point of the growth study, in its own process: time and memory of training steps.

python -m benchmarks.workers.growth_point '{"data": …, "hidden": …, "batch_size": …, …}'
"""

import json
import math
import sys
import time
from typing import Any

from benchmarks.workers.runs import temporary_run, train_steps
from benchmarks.workers.serve import peak_bytes
from mlptrain.training.run import Run

SECONDS = 1.0  # least duration of a measurement
WARM_UP = 3  # steps; the first makes the plan
CONFIG = """\
data: {{train: {data}, validation: null, normalize: none}}
model: {{hidden_layers: {hidden}, activation: relu}}
training: {{batch_size: {batch_size}, optimizer: {{type: adam, learning_rate: 1e-6}}}}
"""


def measure(point: dict[str, Any]) -> dict[str, float]:
    """Seconds per sample, the number of parameters, and the peak memory in bytes."""
    with temporary_run(CONFIG.format(**point)) as run:
        seconds = seconds_per_sample(run, whole_epochs=point["whole_epochs"])
        parameters = run.model.arena.values.size
    return {
        "seconds_per_sample": seconds,
        "parameters": parameters,
        "peak_bytes": peak_bytes(),
    }


def seconds_per_sample(run: Run, *, whole_epochs: bool) -> float:
    """Seconds per sample over at least one second and three steps; with `whole_epochs`, over whole
    epochs, so that work done once per epoch is included."""
    examples, descent = len(run.splits.train), run.trainer.descent
    seconds_per_step(run, WARM_UP)
    count = max(WARM_UP, math.ceil(SECONDS / seconds_per_step(run, WARM_UP)))
    if not whole_epochs:
        return seconds_per_step(run, count) / descent.examples_per_update
    per_epoch = descent.steps_per_epoch
    train_steps(run, per_epoch - run.progress.epoch_steps)  # the next step begins an epoch
    epochs = math.ceil(count / per_epoch)
    return seconds_per_step(run, epochs * per_epoch) * per_epoch / examples


def seconds_per_step(run: Run, count: int) -> float:
    """The mean seconds per step over at least `count` steps."""
    started = time.perf_counter()
    made = train_steps(run, count)
    return (time.perf_counter() - started) / made


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))

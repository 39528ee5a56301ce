"""One point of the growth study, in a process of its own: time and memory of training steps.

python -m benchmarks.workers.growth_point '{"data": …, "hidden": …, "batch_size": …, …}'
"""

import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.workers.jobs import endless_steps, temporary_job
from benchmarks.workers.serve import peak_bytes
from mlptrain.training.job import Job

SECONDS = 1.0  # to measure for, at least
WARM_UP = 3  # steps; the first makes the plan
CONFIG = """\
data: {{train: {data}, validation: null, normalize: none}}
model: {{hidden_layers: {hidden}, activation: relu}}
training: {{batch_size: {batch_size}, optimizer: {{type: adam, learning_rate: 1e-6}}}}
"""


def measure(point: dict[str, Any]) -> dict[str, float]:
    """Seconds per sample, parameters, and the bytes held at most."""
    with temporary_job(CONFIG.format(**point)) as job:
        seconds = seconds_per_sample(job, whole_epochs=point["whole_epochs"])
        parameters = job.model.arena.values.size
    return {
        "seconds_per_sample": seconds,
        "parameters": parameters,
        "peak_bytes": peak_bytes(),
    }


def seconds_per_sample(job: Job, *, whole_epochs: bool) -> float:
    """Over at least a second and three steps; with `whole_epochs`, over whole epochs, so that what
    is done once per epoch has its share."""
    steps = endless_steps(job)
    batch_size = min(job.config.training.batch_size, len(job.train))
    timed(steps, WARM_UP)
    count = max(WARM_UP, math.ceil(SECONDS * WARM_UP / timed(steps, WARM_UP)))
    if not whole_epochs:
        return timed(steps, count) / (count * batch_size)
    epochs = math.ceil(count / job.steps_per_epoch)
    return timed(steps, epochs * job.steps_per_epoch) / (epochs * len(job.train))


def timed(steps: Iterator[object], count: int) -> float:
    """Seconds for `count` steps."""
    started = time.perf_counter()
    for _ in itertools.islice(steps, count):
        pass
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))

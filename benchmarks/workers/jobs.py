"""mlptrain's jobs without its command line: opened from a text, trained step by step."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlptrain.training.events import StepDone
from mlptrain.training.job import Job
from mlptrain.training.loop import train_epoch
from mlptrain.training.setup import open_job


@contextmanager
def temporary_job(config: str) -> Iterator[Job]:
    """The job of a YAML text, in a run folder that goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "benchmark.yaml")
        path.write_text(config, encoding="utf-8")
        run = Path(folder, "run")
        with open_job(path, (), run, resume=False, reading=lambda *_: None) as job:
            yield job


def endless_steps(job: Job) -> Iterator[StepDone]:
    """Epoch after epoch, without what follows one: validation and checkpoints."""
    with job.backend.quiet():
        while True:
            yield from train_epoch(job)
            job.progress.epoch += 1
            job.progress.epoch_steps = 0

"""mlptrain's runs without its command line: opened from a text, trained for a number of steps."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlptrain.training.run import Run
from mlptrain.training.setup import prepare_run


@contextmanager
def temporary_run(config: str) -> Iterator[Run]:
    """The run of a YAML text, in a run folder that goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "benchmark.yaml")
        path.write_text(config, encoding="utf-8")
        run = Path(folder, "run")
        with prepare_run(path, (), run, resume=False, reading=lambda *_: None) as opened:
            yield opened


def train_steps(run: Run, count: int) -> int:
    """Make at least `count` steps, epoch after epoch, without what follows one: validation and
    checkpoints. Returns their number; no native call goes on into the next epoch, so it is `count`
    where that ends one."""
    progress = run.progress
    first = progress.step
    while progress.step < first + count:
        for _ in run.trainer.steps():
            if progress.step >= first + count:
                break
        if progress.epoch_steps == run.trainer.steps_per_epoch:
            progress.epoch += 1
            progress.epoch_steps, progress.epoch_loss, progress.epoch_correct = 0, 0.0, 0
    return progress.step - first

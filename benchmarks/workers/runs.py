"""mlptrain's runs without its command line: from a YAML text, for a number of steps."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlptrain.training.run import Run
from mlptrain.training.setup import prepare_run


@contextmanager
def temporary_run(config: str) -> Iterator[Run]:
    """The run of a YAML text, in a run folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "benchmark.yaml")
        path.write_text(config, encoding="utf-8")
        run = Path(folder, "run")
        with prepare_run(path, (), run, resume=False, reading=lambda *_: None) as opened:
            yield opened


def train_steps(run: Run, count: int) -> int:
    """Make at least `count` steps, without validation and checkpoints between epochs. Returns their
    number: `count` if that ends an epoch, because no native call crosses epochs."""
    progress, descent = run.progress, run.trainer.descent
    first = progress.step
    while progress.step < first + count:
        for _ in descent.steps(progress):
            if progress.step >= first + count:
                break
        if progress.epoch_steps == descent.steps_per_epoch:
            progress.epoch += 1
            progress.epoch_steps, progress.epoch_loss, progress.epoch_correct = 0, 0.0, 0
    return progress.step - first

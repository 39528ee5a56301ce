"""What a config describes, ready to train: its data, and a trainer. Nothing of it is written."""

import math
from collections.abc import Iterator

from mlptrain.backend.choice import Threads
from mlptrain.config.load import GivenConfig
from mlptrain.training.checkpoint import Progress, State
from mlptrain.training.datasets import Splits
from mlptrain.training.environment import environment
from mlptrain.training.events import Event, Finished
from mlptrain.training.origin import Origin
from mlptrain.training.trainer import Trainer


class Fitting:
    """A trainer with all that its results depend on.

    Attributes:
        splits: the data; the test split is evaluated at the end.
        threads: how many threads compute, out of `wanted_threads`.
        origin: the weights it started from, if they were not random.
        fingerprints: one per split.
    """

    def __init__(
        self,
        given: GivenConfig,
        splits: Splits,
        trainer: Trainer,
        wanted_threads: Threads,
        threads: int,
        origin: Origin | None,
    ) -> None:
        self.given, self.splits, self.trainer = given, splits, trainer
        self.wanted_threads, self.threads, self.origin = wanted_threads, threads, origin
        self.fingerprints = {name: dataset.fingerprint() for name, dataset in splits}

    def train(self) -> Iterator[Event]:
        """Train to the end, keep the best weights, and evaluate them on the test split. Raises
        DivergedError."""
        trainer = self.trainer
        yield from trainer.train()
        trainer.keep_best()
        test = trainer.evaluate(self.splits.test)
        if test is not None and not math.isfinite(test.loss):
            raise trainer.diverged(f"the test loss of the best weights is {test.loss:g}")
        reason, progress = trainer.reason_to_stop(), trainer.progress
        assert reason is not None
        yield Finished(
            reason,
            progress.epoch,
            progress.waited,
            trainer.monitor,
            progress.best_epoch,
            progress.best_value,
            test,
        )

    def state(self, progress: Progress) -> State:
        """All that a checkpoint holds besides arrays, at `progress`."""
        train, model = self.splits.train, self.trainer.model
        return State(
            config=self.given.config,
            targets=self.trainer.spec,
            shape=train.inputs.shape[1:],
            features=train.features,
            image=self.splits.image,
            normalization=self.trainer.normalization,
            progress=progress,
            threads=self.threads,
            kernels=model.arena.backend.kernels,
            matmul_precision=model.matmul_precision,
            plugins=self.given.plugins,
            init_from=self.origin,
            fingerprints=self.fingerprints,
            environment=environment(),
        )

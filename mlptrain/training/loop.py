"""Mini-batch gradient descent, from the first step to the last: shuffle, batch, forward, backward,
update, repeat."""

import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlptrain.errors import DivergedError, StoppedError
from mlptrain.training.events import EpochDone, EpochMetrics, Event, Finished, StepDone
from mlptrain.training.job import Job
from mlptrain.training.signals import StopRequest
from mlptrain.training.streams import SHUFFLING, stream


def train(job: Job, stop: StopRequest) -> Iterator[Event]:
    """Train until the last epoch or until nothing gets better, then evaluate the best weights.

    Raises DivergedError at the first loss that is NaN or Inf, and before a state is saved that
    holds either: what does not reach the loss (a unit at -Inf is dead under ReLU) is found there.
    Raises StoppedError, with the state saved, once `stop` has noted a signal. Between the steps of
    an epoch the backend is quiet for whoever asks for them, too: one job at a time in a thread."""
    stop.hold()
    while (reason := job.reason_to_stop()) is None:
        started, done_before = time.perf_counter(), job.progress.epoch_steps
        with job.backend.quiet():
            for event in train_epoch(job):
                yield event
                if stop.signal_number is not None:
                    require_finite(job)
                    job.save_last()
                    message = "training was stopped; its state is saved"
                    raise StoppedError(message, stop.signal_number)
        yield finish_epoch(job, done_before, time.perf_counter() - started)
    test, progress = job.evaluate_best(), job.progress
    if test is not None and not math.isfinite(test.loss):
        raise diverged(job, progress.step, f"the test loss of the best weights is {test.loss:g}")
    assert progress.best_value is not None
    finished = Finished(
        reason, progress.epoch, job.monitor, progress.best_epoch, progress.best_value, test
    )
    job.write_summary(reason, test)
    yield finished


def train_epoch(job: Job) -> Iterator[StepDone]:
    """The steps of the epoch under way, from where `job.progress` stands in it, while the backend
    is quiet."""
    training, progress = job.config.training, job.progress
    random = stream(job.config.seed, SHUFFLING, progress.epoch)
    for batch in job.train.shuffled(random, training.batch_size, progress.epoch_steps):
        loss, correct = take_step(job, batch)
        progress.step += 1
        progress.epoch_steps += 1
        progress.epoch_loss += loss * len(batch)
        progress.epoch_correct += correct
        yield StepDone(progress.epoch + 1, progress.epoch_steps, job.steps_per_epoch)


def take_step(job: Job, batch: NDArray[np.int64]) -> tuple[float, int]:
    """One step of gradient descent on the examples `batch`. Returns their mean loss before it and
    how many of them were right. Raises DivergedError."""
    program, done = job.program(len(batch)), job.progress.step
    optimizer = job.config.training.optimizer
    job.train.write(batch, program.x.value, program.labels.value, program.weights.value)
    program.plan.forward()
    program.plan.backward()
    loss = float(program.loss.value)
    if not math.isfinite(loss):
        raise diverged(job, done + 1, f"the loss is {loss:g}")
    if optimizer.clip_norm is not None:
        job.gradient_norm.clip(optimizer.clip_norm)
    job.updater.update(job.learning_rate(done))
    return loss, int(program.correct.value)


def finish_epoch(job: Job, steps_before: int, seconds: float) -> EpochDone:
    """Validate, compare with the best epoch, and write metrics, best and last, in this order: what
    a killed process wrote beyond `last` is written again when it is resumed."""
    progress, examples = job.progress, len(job.train)
    rate = job.learning_rate(progress.step - 1)
    require_finite(job)
    validation = job.evaluate_validation()
    if validation is not None and not math.isfinite(validation.loss):
        raise diverged(job, progress.step, f"the validation loss is {validation.loss:g}")
    seen = examples - steps_before * job.config.training.batch_size
    metrics = EpochMetrics(
        epoch=progress.epoch + 1,
        step=progress.step,
        learning_rate=rate,
        train_loss=progress.epoch_loss / examples,
        train_accuracy=progress.epoch_correct / examples,
        val_loss=validation.loss if validation else None,
        val_accuracy=validation.accuracy if validation else None,
        seconds=round(seconds, 6),
        examples_per_second=round(max(seen, 0) / seconds, 1),
    )
    best = job.is_better(metrics)
    progress.epoch += 1
    progress.epoch_steps, progress.epoch_loss, progress.epoch_correct = 0, 0.0, 0
    if best:
        progress.best_epoch, progress.best_value = progress.epoch, getattr(metrics, job.monitor)
    job.save_epoch(metrics, best=best)
    return EpochDone(metrics, best)


def require_finite(job: Job) -> None:
    """Raise DivergedError unless the state, as the last step left it, can be saved."""
    name = job.not_finite()
    if name is not None:
        what = f"{name}, or the optimizer's memory of it, became NaN or Inf"
        raise diverged(job, job.progress.step, what)


def diverged(job: Job, step: int, what: str) -> DivergedError:
    """The error for a run that left the finite numbers in `step`; also noted in summary.json."""
    epoch, done = -(-step // job.steps_per_epoch), job.progress.epoch
    job.write_summary("diverged", None)
    kept = f"The state after epoch {done} is kept." if done else "No epoch was finished."
    rate = job.learning_rate(step - 1)
    return DivergedError(
        f"training diverged in epoch {epoch}, step {step}, at learning_rate {rate:g}: {what}. "
        f"{kept} Try a smaller training.optimizer.learning_rate, or set "
        "training.optimizer.clip_norm."
    )

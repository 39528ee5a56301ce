"""What a trainer decides and writes down: weights of classes, which epoch is the best, when
to stop, and the numbers in metrics.jsonl and summary.json.

23 images in batches of 5: the last batch has 3, the classes 12, 7 and 4 images."""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from tiny_runs import strict_json

from mlptrain.config.schema import TrainingConfig
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import digests_of
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets
from mlptrain.errors import ConfigError, DivergedError, StoppedError
from mlptrain.functions.activations import ReLU
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Model
from mlptrain.optim.optimizers import Adam
from mlptrain.tasks.class_weights import weighted
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.metrics.measure import finite, metrics_for, needs_scores
from mlptrain.training import descent as training_loop
from mlptrain.training.events import EpochDone, Finished, StepsDone
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.step import Step
from mlptrain.training.trained_model import load_model
from mlptrain.training.trainer import Trainer

COUNTS = {"a": 12, "b": 7, "c": 4}
N, SIZE, STEPS, LAST = 23, 5, 5, 3  # examples, batch size, steps of an epoch, last batch
BALANCED = [23 / (3 * 12), 23 / (3 * 7), 23 / (3 * 4)]
MONITORS = ["val_loss", "val_accuracy", "train_loss", "train_accuracy"]
SETTINGS: list[tuple[Any, list[float]]] = [
    (None, [1, 1, 1]),
    ("balanced", BALANCED),
    ({"b": 3.0}, [1, 3, 1]),
    ({"c": 0.5, "a": 2.0, "b": 7.0}, [2, 7, 0.5]),
]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, validation, test and contrary.npz; in the last one the labels are wrong,
    so that a model gets worse on it by learning."""
    folder, random = tmp_path_factory.mktemp("splits"), np.random.default_rng(0)
    for split in ("train", "validation", "test", "contrary"):
        labels = random.permutation(np.repeat(np.arange(3), list(COUNTS.values())))
        images = random.integers(0, 200, (N, 4, 4), np.uint8)
        images[np.arange(N), labels] += 50
        named = np.array(list("abc"))[(labels + (split == "contrary")) % 3]
        np.savez(folder / f"{split}.npz", x=images, y=named)
    return folder


@pytest.fixture(autouse=True)
def one_step_per_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "CALL_SECONDS", 0)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """The BLAS has 2 threads before each test, and afterwards as many as it had."""
    with threadpool_limits(2, user_api="blas"):
        yield


def opened(
    splits: Path, run: Path | None, *, validation: str = "validation", **training: Any
) -> Any:
    """A context in which there is a new job in the folder `run`."""
    names = {"train": "train", "validation": validation, "test": "test"}
    settings = {
        "data": {key: str(splits / f"{name}.npz") for key, name in names.items()},
        "model": {"hidden_layers": [4]},
        "training": {
            "batch_size": SIZE,
            "epochs": 3,
            "optimizer": {"type": "adam", "learning_rate": 0.05},
            "threads": 1,
            **training,
        },
    }
    config = splits / "loop.yaml"
    config.write_text(json.dumps(settings))
    return prepare_run(config, (), run, resume=False, reading=lambda *_: None)


def summary_of(run: Path) -> Any:
    return strict_json((run / "summary.json").read_text())


def lines_of(run: Path) -> list[Any]:
    return [strict_json(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def blas_threads() -> set[int]:
    """The threads of NumPy's BLAS."""
    numpys = (each for each in threadpool_info() if "numpy" in each["filepath"])
    return {each["num_threads"] for each in numpys if each["user_api"] == "blas"}


@pytest.mark.parametrize(("setting", "expected"), SETTINGS)
def test_class_weights_in_closed_form(
    splits: Path, tmp_path: Path, setting: Any, expected: list[float]
) -> None:
    with opened(splits, tmp_path / "run") as job:
        targets = job.splits.train.targets
        weights = weighted(targets, setting).name_weights
    assert dict(zip(targets.names, np.bincount(targets.values), strict=True)) == COUNTS
    assert (weights is None) == (setting is None)
    if weights is not None:
        np.testing.assert_allclose(weights, expected, rtol=1e-15)
    if setting == "balanced":
        totals = np.bincount(targets.values, weights=weights[targets.values])
        np.testing.assert_allclose(totals, N / 3, rtol=1e-14)


def test_a_weight_for_a_class_that_looks_like_another_is_refused(
    splits: Path, tmp_path: Path
) -> None:
    with opened(splits, tmp_path / "run") as job:
        targets = job.splits.train.targets
    name = targets.names[0]
    with pytest.raises(ConfigError, match=rf"class_weight: .*'{name}' and '{name}\\xa0'"):
        weighted(targets, {f"{name}\xa0": 2.0})


@pytest.mark.parametrize(("setting", "expected"), SETTINGS)
def test_a_job_weighs_what_it_trains_with_and_nothing_else(
    splits: Path, tmp_path: Path, setting: Any, expected: list[float]
) -> None:
    weights, seen = np.array(expected, np.float32), []
    with opened(splits, tmp_path / "plain") as plain:
        validation = plain.trainer.evaluate(plain.splits.validation)
    with opened(splits, tmp_path / "run", class_weight=setting, epochs=1) as job:
        assert job.trainer.evaluate(job.splits.validation).loss == validation.loss
        for event in job.train(StopRequest()):
            if isinstance(event, StepsDone):
                program = job.trainer.descent.step(SIZE if event.step < STEPS else LAST).program
                labels = program.targets.value
                shares = weights[labels] / weights[labels].sum(dtype=np.float64)
                np.testing.assert_allclose(program.weights.value, shares, rtol=2e-7)
                seen += list(labels)
    assert np.bincount(seen).tolist() == list(COUNTS.values())


def test_an_unknown_class_leaves_no_run_folder(
    splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for run in (tmp_path / "run", None):
        with (
            pytest.raises(ConfigError, match=r"class_weight: .* 'nobody'; .* a, b, c"),
            opened(splits, run, class_weight={"a": 2.0, "nobody": 2.0}),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_train_loss_counts_each_example_once(
    splits: Path, tmp_path: Path, class_weight: str | None
) -> None:
    """Σ loss · m / n: the mean of the steps' mean losses, the smaller last batch counting less."""
    losses: list[float] = []
    correct: list[int] = []
    sizes = [SIZE] * (STEPS - 1) + [LAST]
    with opened(splits, tmp_path / "run", class_weight=class_weight) as job:
        for event in job.train(StopRequest()):
            if isinstance(event, StepsDone):
                program = job.trainer.descent.step(sizes[event.step - 1]).program
                losses.append(float(program.loss.value))
                correct.append(int(program.score.value))
                done = sizes[: event.step]
                so_far = float(np.dot(losses[-event.step :], done)) / sum(done)
                assert event.loss == pytest.approx(so_far, rel=1e-12)
            elif isinstance(event, EpochDone):
                assert len(losses) == event.metrics.epoch * STEPS
                total = float(np.dot(losses[-STEPS:], sizes))
                assert event.metrics.values["train_loss"] == pytest.approx(total / N, rel=1e-12)
                assert event.metrics.values["train_accuracy"] == sum(correct[-STEPS:]) / N
    assert [line["epoch"] for line in lines_of(tmp_path / "run")] == [1, 2, 3]


def test_learning_rate_is_that_of_the_last_update(
    splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    reported: list[float] = []
    run = Step.run

    def noting(self: Step, examples: Any, coefficients: Any) -> Any:
        rates.extend(coefficients[:, 3].tolist())  # after the penalty and those of weight decay
        return run(self, examples, coefficients)

    monkeypatch.setattr(Step, "run", noting)
    schedule = {"type": "cosine", "warmup_epochs": 1.0}
    optimizer = {"type": "sgd", "learning_rate": 0.5, "schedule": schedule}
    with opened(splits, tmp_path / "run", optimizer=optimizer) as job:
        for event in job.train(StopRequest()):
            if isinstance(event, EpochDone):
                assert event.metrics.learning_rate == rates[-1]
                assert event.metrics.step == len(rates)
                reported.append(rates[-1])
    assert [line["learning_rate"] for line in lines_of(tmp_path / "run")] == reported
    warmup = [0.5 * (step + 1) / 5 for step in range(5)]
    cosine = [0.25 * (1 + math.cos(math.pi * step / 10)) for step in range(10)]
    assert rates == pytest.approx(warmup + cosine, rel=1e-12)
    assert reported == pytest.approx([0.5, cosine[4], cosine[9]], rel=1e-12)


@pytest.mark.parametrize("stops_early", [False, True])
def test_the_best_weights_are_tested_not_the_last(
    splits: Path, tmp_path: Path, stops_early: bool
) -> None:
    run, stopping = tmp_path / "run", {"patience": 2} if stops_early else None
    with opened(splits, run, validation="contrary", early_stopping=stopping, epochs=6) as job:
        *_, finished = job.train(StopRequest())
        dataset = job.splits.test
    best, last = (load_model(run / f"{name}.safetensors") for name in ("best", "last"))
    of_best, of_last = (each.evaluate(dataset, lambda *_: None) for each in (best, last))
    summary = summary_of(run)
    assert summary["best_epoch"] == best.state.progress.best_epoch == best.state.progress.epoch
    assert summary["best_epoch"] < summary["epoch"] == last.state.progress.epoch
    assert of_best.loss != of_last.loss
    metrics = finite(metrics_for(of_best))
    cheap = [name for name in metrics if not needs_scores(name, type(of_best))]
    assert {"loss", "accuracy", "macro_f1"} <= set(cheap)
    assert summary["test"] == {name: metrics[name] for name in cheap}
    assert isinstance(finished, Finished)
    np.testing.assert_array_equal(finished.test.confusion, of_best.confusion)
    assert summary["reason"] == ("early_stopping" if stops_early else "epochs")
    assert summary["epoch"] == (summary["best_epoch"] + 2 if stops_early else 6)


@pytest.mark.parametrize("monitor", MONITORS)
def test_the_best_epoch_is_the_first_with_the_best_value(
    splits: Path, tmp_path: Path, monitor: str
) -> None:
    run, stopping = tmp_path / "run", {"monitor": monitor, "patience": 100}
    with opened(splits, run, early_stopping=stopping, epochs=6) as job:
        best = [event.best for event in job.train(StopRequest()) if isinstance(event, EpochDone)]
    values = [line[monitor] for line in lines_of(run)]
    choose = max if monitor.endswith("accuracy") else min
    assert min(values) != max(values)
    assert best == [
        value == choose(values[: index + 1]) and value not in values[:index]
        for index, value in enumerate(values)
    ]
    summary = summary_of(run)
    assert summary["monitor"] == monitor
    assert summary["best_value"] == choose(values)
    assert summary["best_epoch"] == values.index(choose(values)) + 1


def watched(job: Trainer, values: Sequence[float]) -> tuple[list[int], str | None]:
    """The epochs that were better, and why no further one is made, if the epochs end with `values`
    of what is monitored."""
    better, progress = [], job.progress
    for value in values:
        assert job.reason_to_stop() is None, f"stopped after epoch {progress.epoch}"
        if job.compare(value):
            better.append(progress.epoch)
    return better, job.reason_to_stop()


CREEPING = [2.0, 1.875, 1.6875, 1.5, 1.45]  # by less than 0.25 each time; the third below 1.75


FROM_BEST = {"min_delta_from": "best"}
WORSE = [float(loss) for loss in range(8)]


@pytest.mark.parametrize("monitor", MONITORS)
@pytest.mark.parametrize(
    ("stopping", "losses", "better", "reason"),
    [
        ({"patience": 2, "min_delta": 0.25}, CREEPING, [1, 3], "early_stopping"),
        ({"patience": 3, "min_delta": 0.25}, CREEPING, [1, 3], None),
        ({"patience": 2}, CREEPING, [1, 2, 3, 4, 5], None),
        ({"patience": 1}, [1.0, 0.5, 0.5], [1, 2], "early_stopping"),
        ({"patience": 2}, [1.0, 2.0, 0.9, 3.0, 0.8, 1.0], [1, 3, 5], None),
        ({"patience": 3}, [1.0, 2.0, 2.0, 2.0], [1], "early_stopping"),
        ({"patience": 8}, WORSE, [1], "epochs"),
        # at least 0.25 better than the best so far, whether or not that counted
        ({"patience": 2, "min_delta": 0.25, **FROM_BEST}, [2, 1.75, 1.5], [1, 2, 3], None),
        (
            {"patience": 3, "min_delta": 0.25, **FROM_BEST},
            [2, 1.875, 1.75, 1.625],
            [1, 2, 3, 4],
            "early_stopping",
        ),
        ({"patience": 2, **FROM_BEST}, [1.0, 1.0, 1.0, 1.0], [1], None),
    ],
)
def test_stopping_early(
    splits: Path,
    tmp_path: Path,
    monitor: str,
    stopping: dict[str, Any],
    losses: list[float],
    better: list[int],
    reason: str | None,
) -> None:
    """Made-up accuracies are 10 less the losses, so that they get better in the same epochs."""
    values = [10 - loss for loss in losses] if monitor.endswith("accuracy") else losses
    given = {"monitor": monitor, **stopping}
    with opened(splits, tmp_path / "run", early_stopping=given, epochs=8) as job:
        assert watched(job.trainer, values) == (better, reason)


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("more", [9, 20])
def test_the_wait_goes_on_where_a_run_was_interrupted(
    splits: Path, tmp_path: Path, epochs: int, more: int
) -> None:
    """On contrary labels the first epoch is the best; so the run ends after 1 + 3 epochs, also
    where more are allowed when it is resumed."""
    run, settings = tmp_path / "run", {"early_stopping": {"patience": 3}, "epochs": 9}
    with opened(splits, run, validation="contrary", **settings) as job:
        events = job.train(StopRequest())
        while job.progress.epoch < epochs:
            next(events)
    config, grown = splits / "loop.yaml", (f"training.epochs={more}",)
    with prepare_run(config, grown, run, resume=True, reading=lambda *_: None) as job:
        list(job.train(StopRequest()))
    summary = summary_of(run)
    assert (summary["best_epoch"], summary["epoch"]) == (1, 4)
    assert summary["reason"] == "early_stopping"
    assert len(lines_of(run)) == 4


def test_never_stopping_early(splits: Path, tmp_path: Path) -> None:
    with opened(splits, tmp_path / "run", early_stopping=None, epochs=8) as job:
        assert job.trainer.monitor == "val_loss"
        assert watched(job.trainer, WORSE) == ([1], "epochs")


def test_without_validation_images_the_training_loss_decides(splits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = splits / "no_validation.yaml"
    settings = {
        "data": {"train": str(splits / "train.npz"), "validation": None},
        "model": {"hidden_layers": [4]},
        "training": {"batch_size": SIZE, "epochs": 3, "threads": 1},
    }
    config.write_text(json.dumps(settings))
    with prepare_run(config, (), run, resume=False, reading=lambda *_: None) as job:
        assert job.trainer.monitor == "train_loss"
        list(job.train(StopRequest()))
    assert summary_of(run)["best_value"] == min(line["train_loss"] for line in lines_of(run))


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate(
    splits: Path, tmp_path: Path
) -> None:
    """Its moments are corrected for one step, not for none or two: ρ g / |g|."""
    with opened(splits, tmp_path / "run") as job:
        before = job.model.arena.values.copy()
        next(job.train(StopRequest()))
        change = np.abs(job.model.arena.values - before)
    moved = change[change > 0]
    assert len(moved) > 10
    np.testing.assert_allclose(moved, 0.05, rtol=1e-3)


def test_an_optimizer_s_state_that_is_no_number_ends_the_run(splits: Path, tmp_path: Path) -> None:
    """An Inf among Adam's second moments stops a weight and nothing else; the checkpoint could not
    be read again."""
    with opened(splits, tmp_path / "run") as job:
        slot = job.model.arena.slots["dense_1/kernel"]
        job.trainer.descent.vectors["v"][slot.range][0] = math.inf
        with pytest.raises(DivergedError, match=r"epoch 1, step 5, .*: dense_1/kernel, or the opt"):
            list(job.train(StopRequest()))
    assert not (tmp_path / "run/last.safetensors").exists()


def test_the_recorded_threads_are_used_again(splits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert blas_threads() == {2}
    with opened(splits, run, epochs=1) as job:
        assert blas_threads() == {1}
        list(job.train(StopRequest()))
    assert summary_of(run)["threads"] == 1
    for name in ("best", "last"):
        with threadpool_limits(2, user_api="blas"):
            assert blas_threads() == {2}
            model = load_model(run / f"{name}.safetensors")
            list(model.answers(np.zeros((1, 4, 4, 1), np.uint8), 1))
            assert blas_threads() == {1}


def test_a_run_is_quiet_within_its_steps_only(splits: Path, tmp_path: Path) -> None:
    stop, warned = StopRequest(), np.geterr()
    with opened(splits, tmp_path / "run", epochs=1) as job:
        events = job.train(stop)
        next(events)
        assert np.geterr() == warned
        stop.signal_number = 15
        with pytest.raises(StoppedError) as kept:
            next(events)
        assert kept.value.signal_number == 15
        assert np.geterr() == warned


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_the_speed_of_a_resumed_epoch_is_that_of_the_steps_made_since(
    splits: Path, tmp_path: Path, steps: int
) -> None:
    run, stop = tmp_path / "run", StopRequest()
    with opened(splits, run, epochs=1) as job:
        events = job.train(stop)
        for _ in range(steps):
            next(events)
        stop.signal_number = 15
        with pytest.raises(StoppedError):
            next(events)
    with prepare_run(splits / "loop.yaml", (), run, resume=True, reading=lambda *_: None) as job:
        list(job.train(StopRequest()))
    (line,) = lines_of(run)
    seen = line["examples_per_second"] * line["seconds"]
    assert seen == pytest.approx(N - steps * SIZE, rel=0.05)


def test_how_many_steps_a_call_makes_changes_nothing(
    splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, events = [], []
    for seconds in (0, 1e9):
        monkeypatch.setattr(training_loop, "CALL_SECONDS", seconds)
        with opened(splits, tmp_path / f"run{seconds}", epochs=3) as job:
            events.append(sum(isinstance(each, StepsDone) for each in job.train(StopRequest())))
            states.append((job.model.arena.values.copy(), job.progress))
    assert events[0] == 3 * STEPS > events[1]
    np.testing.assert_array_equal(states[0][0], states[1][0])
    assert states[0][1] == states[1][1]


def test_training_from_arrays_writes_nothing(
    splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with np.load(splits / "train.npz") as file:
        images, given = file["x"][..., None], file["y"]
    classes, labels = np.unique(given, return_inverse=True)
    digests = digests_of(images)
    task, targets = Classification(), ClassTargets(labels, tuple(map(str, classes)))
    data = Dataset(images, np.arange(N), digests, targets, ("",) * N, "")
    head = task.head(images.shape[1:], targets.names)
    model = Model([Dense(units=8, activation=ReLU())], 16, head, CrossEntropy())
    training = TrainingConfig(epochs=40, batch_size=SIZE, optimizer=Adam(learning_rate=0.05))
    normalization = Normalization.of_images([images])
    trainer = Trainer(training, task, model, data, data, normalization, 0)
    written: list[Any] = []

    def note(event: str, arguments: Any) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE:
            written.append(arguments)

    sys.addaudithook(note)
    *_, last = trainer.train()
    assert isinstance(last, EpochDone)
    assert last.metrics.values["train_accuracy"] > 0.9
    assert written == list(tmp_path.iterdir()) == []

"""Training with an optimizer that evaluates all examples: L-BFGS."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from forks import ROOT
from pydantic import Field
from tiny_runs import AT_STEP, differing, mlptrain, start, strict_json

from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import IGNORED, ClassTargets, MaskTargets, Targets
from mlptrain.errors import DefinitionError
from mlptrain.functions.activations import Tanh
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Model
from mlptrain.optim.lbfgs import LBFGS
from mlptrain.optim.optimizers import SGD, FullBatchOptimizer, Objective, Optimizer
from mlptrain.optim.schedules import ReduceOnPlateau
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.segmentation import Segmentation
from mlptrain.training import descent
from mlptrain.training.checkpoint import Progress
from mlptrain.training.descent import MiniBatchDescent
from mlptrain.training.full_batch import FullBatchDescent
from mlptrain.training.trainer import choose_descent

LBFGS_RUN = (
    *("train", "tiny.yaml", "--set", "training.optimizer={type: lbfgs, history: 3}"),
    *("--set", "model.layers=[{type: dense, units: 4}]"),
)
TARGETS = ClassTargets(np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 1, 2]), ("a", "b", "c"))
MASKS = MaskTargets(np.random.default_rng(2).integers(0, 3, (11, 4), np.uint8), TARGETS.names)
MASKS.values[np.arange(4) < np.arange(11)[:, None] - 6] = IGNORED  # up to all pixels of an example
PER_CLASS = np.array([0.2, 1, 5])
WEIGHTS = np.array([1, 2, 0.5, 1, 3, 1, 0, 1, 1, 0.25, 4], np.float32)


class Whole(FullBatchDescent):
    """A full-batch descent whose loss and gradient can be asked for."""

    def at(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        self._model.arena.values[...] = values
        return self._evaluate(), self._gradient.copy()


def whole(
    monkeypatch: pytest.MonkeyPatch,
    part: int,
    weights: np.ndarray | None,
    decay: float,
    targets: Targets = TARGETS,
    optimizer: FullBatchOptimizer | None = None,
) -> Whole:
    """On 11 examples, evaluated `part` at a time; by default with L-BFGS."""
    monkeypatch.setattr(descent, "PART", part)
    inputs = np.random.default_rng(0).normal(size=(11, 5)).astype(np.float32)
    task = Segmentation() if isinstance(targets, MaskTargets) else Classification()
    head = task.head((2, 2, 1), targets.names)
    model = Model([Dense(units=4, activation=Tanh())], 5, head, CrossEntropy())
    plain = Normalization.identity(1, unit=1)
    backend = model.arena.backend
    batches = Batches(inputs, targets, plain, weights=weights, window=part, backend=backend)
    lbfgs = LBFGS(weight_decay=decay)
    training = TrainingConfig(optimizer=lbfgs)
    return Whole(optimizer or lbfgs, training, model, batches, 0)


def test_the_loss_does_not_depend_on_how_many_parts_a_call_evaluates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That number depends on the time a call takes; a resumed run must make the same steps."""
    loss = whole(monkeypatch, 1, WEIGHTS, 0.0)
    random, size = np.random.default_rng(1), loss._model.arena.values.size
    for values in random.normal(size=(20, size)):
        made = []
        for seconds in (0, 1e9):
            monkeypatch.setattr(descent, "CALL_SECONDS", seconds)
            made.append(loss.at(values))
        (one_by_one, slowly), (at_once, quickly) = made
        assert one_by_one == at_once
        np.testing.assert_array_equal(slowly, quickly)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("per_class", [None, PER_CLASS])
@pytest.mark.parametrize("targets", [TARGETS, MASKS])
def test_the_parts_add_up_to_the_whole(
    monkeypatch: pytest.MonkeyPatch,
    targets: Targets,
    per_class: np.ndarray | None,
    weights: np.ndarray | None,
    decay: float,
) -> None:
    targets = replace(targets, name_weights=per_class)
    values = None
    wanted: Any = None
    for part in (11, 1, 2, 4, 5, 10, 1024):
        loss = whole(monkeypatch, part, weights, decay, targets)
        if values is None:
            size = loss._model.arena.values.size
            values = np.random.default_rng(1).normal(size=size)
            wanted = loss.at(values)
        made = loss.at(values)
        assert made[0] == pytest.approx(wanted[0], rel=1e-6)
        np.testing.assert_allclose(made[1], wanted[1], atol=1e-6)


def test_weight_decay_is_part_of_the_loss_and_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, decayed = (whole(monkeypatch, 4, None, decay) for decay in (0.0, 0.5))
    arena = plain._model.arena
    values = np.random.default_rng(1).normal(size=arena.values.size)
    (loss, gradient), (more, pulled) = plain.at(values), decayed.at(values)
    weights = np.where(np.arange(values.size) < arena.decayed, values, 0)
    assert more - loss == pytest.approx(0.25 * weights @ weights, rel=1e-5)
    np.testing.assert_allclose(pulled - gradient, 0.5 * weights, atol=1e-6)


def test_the_loss_of_an_epoch_is_what_is_minimized(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weight decay. Otherwise the best epoch would not be the minimum."""
    plain, decayed = (whole(monkeypatch, 4, None, decay) for decay in (0.0, 0.5))
    decayed._model.initialize(np.random.default_rng(0))
    progress = Progress()
    (done,) = decayed.steps(progress)
    loss, _ = plain.at(decayed._model.arena.values)
    assert done.loss == progress.optimizer["loss"] > loss
    assert progress.epoch_loss == done.loss * 11


def test_an_epoch_is_an_iteration_from_all_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    made, progress = whole(monkeypatch, 4, None, 0.0), Progress()
    made._model.initialize(np.random.default_rng(0))
    losses = []
    for _ in range(30):
        progress.epoch_steps = 0
        (done,) = made.steps(progress)
        losses.append(done.loss)
    assert progress.step == 30
    assert losses[-1] < 0.1 * losses[0]
    assert progress.epoch_loss == losses[-1] * 11
    assert progress.epoch_correct == 11
    assert list(made.steps(progress)) == []  # the epoch's only update is made


class Noting(LBFGS):
    """Remembers a number as NumPy's calls return it."""

    def iterate(
        self, objective: Objective, vectors: dict[str, np.ndarray], memory: dict[str, float]
    ) -> None:
        super().iterate(objective, vectors, memory)
        memory["longest"] = vectors["direction"].max()


def test_what_is_remembered_is_as_exact_before_a_stop_as_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A checkpoint holds Python's numbers; NumPy's would be rounded to float32 until then."""
    made, progress = whole(monkeypatch, 4, None, 0.0), Progress()
    made._optimizer = Noting()
    list(made.steps(progress))
    plateau = SGD(schedule=ReduceOnPlateau())
    stepwise = MiniBatchDescent(plateau, TrainingConfig(), made._model, made._batches, 0)
    stepwise.observe({"train_loss": np.float32(0.1)}, 1.0, progress)  # type: ignore[dict-item]
    assert progress.optimizer.keys() > {"longest"}
    assert progress.schedule.keys() == {"best", "waited"}
    for memory in (progress.optimizer, progress.schedule):
        assert {type(number) for number in memory.values()} == {float}


class Descending(FullBatchOptimizer):
    """Gradient descent; the memory at the end of an iteration is `kept`."""

    type: Literal["descending"] = "descending"
    evaluates: bool = True
    kept: dict[str, Any] = Field(default_factory=dict)

    def iterate(
        self, objective: Objective, vectors: dict[str, Any], memory: dict[str, float]
    ) -> None:
        assert list(vectors) == ["gradient"]
        assert vectors["gradient"] is objective.g
        objective.w[...] -= 0.5 * objective.g
        if self.evaluates:
            objective.evaluate()
        memory.update(self.kept)


def steps_of(made: Whole, count: int) -> list[float]:
    """The loss of each of `count` iterations."""
    progress, losses = Progress(), []
    for _ in range(count):
        progress.epoch_steps = 0
        losses += [done.loss for done in made.steps(progress)]
    return losses


@pytest.mark.parametrize("evaluates", [True, False])
def test_an_optimizer_needs_to_define_nothing_but_its_iteration(
    monkeypatch: pytest.MonkeyPatch, *, evaluates: bool
) -> None:
    """Where that evaluates nothing, the loss is evaluated for it."""
    made = whole(monkeypatch, 4, None, 0.0, TARGETS, Descending(evaluates=evaluates))
    made._model.initialize(np.random.default_rng(0))
    losses = steps_of(made, 20)
    assert losses[-1] < 0.8 * losses[0]
    assert made.at(made._model.arena.values.copy())[0] == losses[-1]


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ({"converged": True}, "converged"),
        ({"converged": 1}, "converged"),
        ({"stop": 1}, "optimizer"),
        ({"converged": False, "stop": 0}, None),
    ],
)
def test_an_optimizer_says_whether_it_ends_the_training(
    monkeypatch: pytest.MonkeyPatch, kept: dict[str, object], reason: str | None
) -> None:
    made = whole(monkeypatch, 4, None, 0.0, TARGETS, Descending(kept=kept))
    progress = Progress()
    list(made.steps(progress))
    assert made.reason_to_stop(progress) == reason


@pytest.mark.parametrize("number", [np.inf, np.nan, "warm", [1.0], None])
def test_only_finite_numbers_can_be_kept(monkeypatch: pytest.MonkeyPatch, number: object) -> None:
    made = whole(monkeypatch, 4, None, 0.0, TARGETS, Descending(kept={"best": number}))
    with pytest.raises(DefinitionError, match=r"Descending: memory\['best'\] is .*finite numbers"):
        list(made.steps(Progress()))


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([{"type": "dropout", "rate": 0.5}], "layers that draw random numbers"),
        ([{"type": "centred"}], "layers that keep state"),
        ([{"type": "dense", "units": 4, "kernel_constraint": "max_norm"}], "constraints"),
    ],
)
def test_what_such_an_optimizer_cannot_train_is_refused(
    project: Path, tmp_path: Path, layers: list[dict[str, Any]], what: str
) -> None:
    centred = str(ROOT / "tests/plugins/centred.py")
    layered = ("--set", f"model={json.dumps({'layers': layers})}", "--plugin", centred)
    run = tmp_path / "run"
    process = mlptrain(project, *LBFGS_RUN, *layered, "--run-dir", str(run), code=2)
    assert f"training.optimizer: lbfgs cannot train {what}. Remove them" in process.stderr
    assert not run.exists()


def test_an_optimizer_of_neither_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class New(Optimizer):
        type: str = "new"

    made = whole(monkeypatch, 4, None, 0.0)
    training = TrainingConfig().model_copy(update={"optimizer": New()})
    with pytest.raises(DefinitionError, match="New derives from Optimizer alone"):
        choose_descent(training, made._model, made._batches, 0)


def test_a_stopped_run_is_resumed_exactly(project: Path, tmp_path: Path) -> None:
    finished, stopped = tmp_path / "finished", tmp_path / "stopped"
    mlptrain(project, *LBFGS_RUN, "--run-dir", str(finished))
    process = start(
        project,
        *(str(int(signal.SIGTERM)), "3", "1", *LBFGS_RUN, "--run-dir", str(stopped)),
        program=AT_STEP,
    )
    _, errors = process.communicate()
    assert process.returncode == 143, errors
    mlptrain(project, *LBFGS_RUN, "--run-dir", str(stopped), "--resume")
    assert differing(stopped, finished) == []


def test_the_minimum_is_kept(project: Path, tmp_path: Path) -> None:
    """Where the loss without the weight decay grows again."""
    run = tmp_path / "run"
    alone = ("--set", "data.validation=null", "--set", "training.early_stopping=null")
    settings = ("--set", "training.epochs=1000", "--set", "training.optimizer.weight_decay=0.1")
    linear = ("--set", "model={layers: []}")
    mlptrain(project, *LBFGS_RUN, *alone, *settings, *linear, "--run-dir", str(run))
    summary = strict_json((run / "summary.json").read_text())
    assert summary["reason"] == "converged"
    assert summary["best_epoch"] >= summary["epoch"] - 1


def test_a_run_ends_where_it_has_converged(project: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = ("--set", "training.early_stopping=null", "--set", "training.epochs=1000")
    linear = ("--set", "model={layers: []}", "--set", "training.optimizer.weight_decay=0.1")
    made = mlptrain(project, *LBFGS_RUN, *settings, *linear, "--run-dir", str(run))
    summary = strict_json((run / "summary.json").read_text())
    assert summary["reason"] == "converged"
    assert summary["epoch"] < 200
    assert f"done     {summary['epoch']} epochs, converged" in made.stdout
    lines = [strict_json(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {line["learning_rate"] for line in lines} == {None}
    again = mlptrain(project, *LBFGS_RUN, *settings, *linear, "--run-dir", str(run), "--resume")
    assert "converged" in again.stdout

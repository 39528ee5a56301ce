"""Training from Python gives what the command line gives on the same data."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from api_examples import Trained, command_line, examples
from plugin_loading import forgotten
from task_runs import CONFIG, TASKS

import mlptrain
from mlptrain.errors import (
    ConfigError,
    DataError,
    DivergedError,
    FitInterrupted,
    ModelFileError,
    RunFolderError,
    UsageError,
)
from mlptrain.training import descent
from mlptrain.training.step import Step

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((60, 3)).astype(np.float32)
Y = np.array(["low", "high"])[(X.sum(axis=1) > 0).astype(int)]
W = RANDOM.uniform(0.5, 2, 60)
TINY: dict[str, Any] = {
    "model": {"hidden_layers": [4]},
    "training": {"epochs": 3, "batch_size": 5, "threads": 1},
}


@pytest.fixture(autouse=True)
def _ctrl_c_is_heeded() -> Iterator[None]:
    """Also where a shell started pytest in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def settings(task: str) -> dict[str, Any]:
    """The config of a trained run as a dict, without its data."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.format(task=TASKS[task]))
    del config["data"]["train"], config["data"]["test"]
    return config


def require_same_weights(one: mlptrain.Model, other: mlptrain.Model) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])


def test_arrays_are_trained_as_their_files_by_the_command_line(trained: Trained) -> None:
    task = mlptrain.load(trained.run).task
    _, x, y = examples(task, "train", 40)
    result = mlptrain.fit(settings(task), x, y, test_data=(trained.x, trained.y))
    require_same_weights(result.model, mlptrain.load(trained.run))
    lines = (trained.run / "metrics.jsonl").read_text().splitlines()
    for record, line in zip(result.history, lines, strict=True):
        wanted = json.loads(line)
        assert record.keys() == wanted.keys()
        assert all(record[key] == wanted[key] for key in wanted if "seconds" not in key
                   and "per_second" not in key)  # fmt: skip
    summary = json.loads((trained.run / "summary.json").read_text())
    assert result.test == summary["test"]
    for name in ("reason", "monitor", "best_epoch", "best_value"):
        assert getattr(result, name) == summary[name]
    assert result.model.epoch == result.best_epoch


def test_a_config_file_brings_its_own_data(trained: Trained) -> None:
    result = mlptrain.fit(trained.folder / "tiny.yaml")
    require_same_weights(result.model, mlptrain.load(trained.run))
    assert result.model.evaluate(trained.x, trained.y)["metrics"] == result.model.evaluate()["metrics"]  # fmt: skip  # noqa: E501


def test_numbers_and_weights_are_those_of_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y, w=W)
    config = {**TINY, "data": {"train": "d.npz", "weight": "w", "validation": 0.2}}
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    command_line(tmp_path, "train", "c.yaml", "--run-dir", "run")
    given = {**TINY, "data": {"validation": 0.2}}
    result = mlptrain.fit(given, X, Y, sample_weight=W)
    require_same_weights(result.model, mlptrain.load(tmp_path / "run"))
    unweighted = mlptrain.fit(given, X, Y).model.weights
    assert not np.array_equal(unweighted["output/bias"], result.model.weights["output/bias"])


def test_a_file_and_arrays(tmp_path: Path) -> None:
    """Arrays stand in for the data that a file names; paths in it start from its folder."""
    np.savez(tmp_path / "test.npz", x=X[:20], y=Y[:20])
    config = {**TINY, "data": {"train": "gone.npz", "validation": None, "test": "test.npz"}}
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    result = mlptrain.fit(str(tmp_path / "c.yaml"), X, Y)
    assert result.test is not None
    assert result.test["accuracy"] == result.model.evaluate(X[:20], Y[:20])["accuracy"]


def test_validation_data_decides_which_epoch_is_kept() -> None:
    result = mlptrain.fit(TINY, X, Y, validation_data=(X[:20], Y[:20], W[:20]))
    best = result.history["val_loss"].argmin()
    assert result.best_epoch == best + 1
    own = result.model.evaluate(X[:20], Y[:20], sample_weight=W[:20])
    assert own["loss"] == pytest.approx(result.history["val_loss"][best], rel=1e-6)
    assert result.model.evaluate(split="validation")["loss"] == pytest.approx(own["loss"])


def test_in_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = mlptrain.fit(TINY, X, Y)
    assert (list(tmp_path.iterdir()), result.run_dir, result.model.path) == ([], None, None)


def test_a_run_folder_is_that_of_the_command_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    (tmp_path / "c.yaml").write_text(json.dumps({**TINY, "data": {"train": "d.npz"}}))
    command_line(tmp_path, "train", "c.yaml", "--run-dir", "run")
    result = mlptrain.fit(TINY, X, Y, run_dir=tmp_path / "own")
    names = [sorted(each.name for each in (tmp_path / run).iterdir()) for run in ("run", "own")]
    assert names[0] == names[1]
    require_same_weights(result.model, mlptrain.load(tmp_path / "run"))
    assert result.model.path == tmp_path / "own/best.safetensors"
    in_memory = mlptrain.fit(TINY, X, Y)
    assert list(in_memory.history["val_loss"]) == list(result.history["val_loss"])
    held_out = result.model.evaluate(X, Y)
    assert held_out["left_out"] == 54  # the rest was the validation split
    with pytest.raises(RunFolderError, match="exists already and is not empty"):
        mlptrain.fit(TINY, X, Y, run_dir=tmp_path / "own")
    command_line(tmp_path, "eval", "own", "--data", "d.npz")
    with pytest.raises(DataError, match="were arrays in a Python program"):
        mlptrain.load(tmp_path / "own").evaluate(split="validation")
    with pytest.raises(DataError, match="were arrays in a Python program"):
        mlptrain.fit(tmp_path / "own/config.yaml")


class Columns:
    """What a pandas DataFrame shows of itself."""

    def __init__(self, values: np.ndarray, columns: list[str]) -> None:
        self._values, self.columns = values, columns

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self._values, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    table = Columns(X, ["a", "b", "c"])
    model = mlptrain.fit(TINY, table, Y).model
    wanted = model.predict(table).values
    turned = Columns(X[:, [2, 0, 1]], ["c", "a", "b"])
    np.testing.assert_array_equal(model.predict(turned).values, wanted)
    np.testing.assert_array_equal(model.predict(X).values, wanted)
    assert model.evaluate(turned, Y)["metrics"] == model.evaluate(table, Y)["metrics"]
    with pytest.raises(
        DataError, match=r"its features are a, b, d\. The training data has a, b, c"
    ):
        model.evaluate(Columns(X, ["a", "b", "d"]), Y)
    (tmp_path / "t.csv").write_text("c,a,b\n" + ",".join(map(str, X[0, [2, 0, 1]])) + "\n")
    np.testing.assert_array_equal(model.predict(tmp_path / "t.csv").values, wanted[:1])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, None, "x: the targets of this task are missing. Give y."),
        (X, Y[:5], "x: has 60 rows, but y has 5 labels"),
        (X, ["a"] * 60, "x: has only one class, 'a'"),
        (X.astype(int), Y, "x: is int64. Allowed are uint8"),
        (np.where(X > 1, np.nan, X), Y, "x: holds nan at ["),
        (X, np.linspace(0, 1, 60), "y: is float64. Allowed are integers from 0 and strings"),
        (X, [None] * 60, "y: is object"),
    ],
)
def test_examples_that_cannot_be_used(x: Any, y: Any, message: str) -> None:
    with pytest.raises(DataError) as raised:
        mlptrain.fit(TINY, x, y)
    assert str(raised.value).startswith(message)


def test_arguments_that_do_not_go_together() -> None:
    with pytest.raises(UsageError, match="Give x as well"):
        mlptrain.fit(TINY, y=Y)
    with pytest.raises(UsageError, match="needs a run_dir"):
        mlptrain.fit(TINY, X, Y, resume=True)
    with pytest.raises(UsageError, match=r"validation_data: must be \(x, y\)"):
        mlptrain.fit(TINY, X, Y, validation_data=X)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="config: is a int"):
        mlptrain.fit(3, X, Y)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="Leave out y"):
        mlptrain.fit({**TINY, "task": "autoencoder"}, np.zeros((9, 2, 2), np.uint8), Y[:9])
    with pytest.raises(DataError, match="arrays have no column 'w'"):
        mlptrain.fit({**TINY, "data": {"weight": "w"}}, X, Y)
    with pytest.raises(DataError, match=r"the weight of x\[0\] is '0.0'"):
        mlptrain.fit(TINY, X, Y, sample_weight=np.zeros(60))
    with pytest.raises(ConfigError, match=r"gone\.yaml: does not exist"):
        mlptrain.fit("gone.yaml", X, Y)


def test_a_learning_rate_that_is_too_high() -> None:
    wild = {"optimizer": {"type": "sgd", "learning_rate": 1e30}}
    with pytest.raises(DivergedError, match=r"in epoch 1.*Try a smaller") as raised:
        mlptrain.fit({**TINY, "training": {**TINY["training"], **wild}}, X, Y)
    assert "kept" not in str(raised.value)  # nothing is


def test_what_a_result_shows(tmp_path: Path) -> None:
    result = mlptrain.fit(TINY, X, Y)
    best = f"best epoch {result.best_epoch} (val_loss {result.best_value:.4g})"
    assert repr(result) == f"<FitResult: 3 epochs, {best}>"
    page = result._repr_html_()
    assert all(title in page for title in (*result.history[0], "dense_1", "output"))
    twice = mlptrain.fit(TINY, np.repeat(X, 2, axis=0), np.repeat(Y, 2))
    assert twice.notes[0].startswith("x: 60 of 120 examples are copies of others")
    assert twice.notes[0] in twice._repr_html_()
    result.save(tmp_path / "m")
    require_same_weights(mlptrain.load(tmp_path / "m"), result.model)


def test_plugins_are_used_where_they_are_named(tmp_path: Path) -> None:
    mish = Path(__file__).parents[1] / "plugins/mish.py"
    config = {**TINY, "model": {"hidden_layers": [4], "activation": "mish"}}
    with forgotten():
        with pytest.raises(ConfigError, match="unknown activation 'mish'"):
            mlptrain.fit(config, X, Y)
        result = mlptrain.fit(config, X, Y, plugins=[mish])
        result.save(tmp_path / "m")
    with forgotten():
        with pytest.raises(ModelFileError, match=r"Name the file: --plugin mish\.py"):
            mlptrain.load(tmp_path / "m")
        model = mlptrain.load(tmp_path / "m", plugins=[mish])
        np.testing.assert_array_equal(model.predict(X).values, result.model.predict(X).values)


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a Ctrl-C after a step."""
    run = Step.run
    monkeypatch.setattr(descent, "CALL_SECONDS", 0)

    def run_and_stop(self: Step, *arguments: Any) -> Any:
        result = run(self, *arguments)
        if int(self._counter[0]) == step:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(Step, "run", run_and_stop)


def test_ctrl_c_keeps_the_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    one = mlptrain.fit({**TINY, "training": {**TINY["training"], "epochs": 1}}, X, Y)
    stop_at(14, monkeypatch)  # of 11 steps per epoch
    with pytest.raises(KeyboardInterrupt) as raised:
        mlptrain.fit(TINY, X, Y)
    stopped = raised.value
    assert isinstance(stopped, FitInterrupted)
    assert str(stopped) == (
        "stopped in epoch 2; the weights of epoch 1, the best, are in this exception's `result`"
    )
    require_same_weights(stopped.result.model, one.model)
    assert (stopped.result.reason, len(stopped.result.history)) == ("interrupted", 1)


def test_ctrl_c_before_an_epoch_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(3, monkeypatch)
    with pytest.raises(FitInterrupted, match="no epoch was finished") as raised:
        mlptrain.fit(TINY, X, Y)
    assert raised.value.result is None


def test_a_stopped_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mlptrain.fit(TINY, X, Y)
    with monkeypatch.context() as patched:
        stop_at(25, patched)
        with pytest.raises(FitInterrupted, match=r"after epoch 2 is in .*resume=True") as raised:
            mlptrain.fit(TINY, X, Y, run_dir=tmp_path / "run")
    assert len(raised.value.result.history) == 2
    rest = mlptrain.fit(TINY, X, Y, run_dir=tmp_path / "run", resume=True)
    require_same_weights(rest.model, whole.model)
    assert list(rest.history["val_loss"]) == list(whole.history["val_loss"])
    other = mlptrain.fit(TINY, X, Y, run_dir=tmp_path / "run", resume=True)
    assert repr(other) == repr(rest)


def test_a_fraction_of_the_arrays_is_a_test_split() -> None:
    result = mlptrain.fit({**TINY, "data": {"test": 0.2}}, X, Y, progress=False)
    assert result.test is not None
    evaluation = result.model.evaluate()
    assert (evaluation["examples"], evaluation["accuracy"]) == (12, result.test["accuracy"])
    with pytest.raises(DataError, match="no test split"):
        mlptrain.fit(TINY, X, Y, progress=False).model.evaluate()

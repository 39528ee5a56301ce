"""A plug-in of each kind: what mlptrain does by itself for a class that it does not know."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from plugin_loading import forgotten

import mlptrain
from mlptrain.autodiff.function import functions
from mlptrain.autodiff.gradcheck import function_error, gradient_error
from mlptrain.autodiff.tensor import Tensor
from mlptrain.config.describe import json_schema, resolved_yaml
from mlptrain.config.load import parse_config
from mlptrain.errors import ConfigError
from mlptrain.nn.layers import layers
from mlptrain.optim.optimizers import optimizers
from mlptrain.optim.schedules import Extent, schedules
from mlptrain.plugins import load_plugin
from mlptrain.tasks.metrics.measure import metrics_for
from mlptrain.tasks.outcomes.classes import ClassOutcome

FOLDER, ROOT = Path(__file__).parent / "plugins", Path(__file__).parents[1]
# what a config says, a wrong setting, and what is said to that
CASES = {
    "mish": ("model: {activation: mish}", "model.activation.rate=1",
             "unknown key 'rate' in model.activation; use 'type'"),
    "centred": ("model: {layers: [{type: centred}, {type: dense, units: 8}]}",
                "model.layers.0.momentum=1", "model.layers.0.momentum must be less than 1, got 1"),
    "gated": ("model: {layers: [{type: gated, units: 8}]}", "model.layers.0.units=0",
              "model.layers.0.units must be at least 1, got 0"),
    "huber": ("training: {loss: {type: huber, delta: 0.5}}", "training.loss.delta=0",
              "training.loss.delta must be greater than 0, got 0"),
    "lion": ("training: {optimizer: {type: lion, learning_rate: 0.01}}",
             "training.optimizer.beta_1=1", "training.optimizer.beta_1 must be less than 1, got 1"),
    "step_decay": ("training: {optimizer: {type: adam, schedule: step_decay}}",
                   "training.optimizer.schedule.drop=3",
                   "unknown key 'drop' in training.optimizer.schedule; did you mean 'drops'?"),
    "steepest_descent": ("training: {optimizer: {type: steepest_descent, first: 1}}",
                         "training.optimizer.first=0",
                         "training.optimizer.first must be greater than 0, got 0"),
    "time_budget": ("training: {optimizer: {type: adam, schedule: time_budget}}",
                    "training.optimizer.schedule.seconds=0",
                    "training.optimizer.schedule.seconds must be greater than 0, got 0"),
}  # fmt: skip
SIZES = ((3, 4), (1, 4), (5, 1), (6, 7))


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    with forgotten():
        for path in sorted(FOLDER.glob("*.py")):
            load_plugin(str(path))
        yield


@pytest.mark.parametrize("name", CASES)
def test_yaml_schema_description_and_messages(name: str) -> None:
    text, wrong, message = CASES[name]
    data = f"data: {{train: x}}\n{text}".encode()
    config = parse_config(data, Path("c.yaml")).config
    resolved = resolved_yaml(config)
    assert re.search(rf"\b{name}\b", resolved)
    assert parse_config(resolved.encode(), Path("c.yaml")).config == config
    definition = name.title().replace("_", "")
    described = json_schema()["$defs"][definition]
    assert described["description"]
    assert described["properties"]["type"]["const"] == name
    assert f'"#/$defs/{definition}"' in json.dumps(json_schema())
    with pytest.raises(ConfigError) as refused:
        parse_config(data, Path("c.yaml"), [wrong])
    assert str(refused.value) == f"--set {wrong}: {message}"


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_training(name: str, tmp_path: Path) -> None:
    """The loss falls, and the model is read back."""
    text, _, _ = CASES[name]
    data = ROOT / "data/digits/test"
    (tmp_path / "c.yaml").write_text(f"data: {{train: {data}}}\n{text}")
    plugin = ("--plugin", str(FOLDER / f"{name}.py"))
    start = (sys.executable, "-m", "mlptrain")
    options = ("--set", "training.epochs=3", "--run-dir", "run")
    for command in (("train", "c.yaml", *options), ("eval", "run", "--data", data)):
        subprocess.run([*start, *command, *plugin], cwd=tmp_path, check=True, capture_output=True)
    rows = [json.loads(row) for row in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


@pytest.mark.parametrize("name", ["mish", "huber"])
def test_gradients(name: str) -> None:
    random = np.random.default_rng(0)
    for batch, n in SIZES:
        x, targets = random.normal(size=(2, batch, n))
        inputs = {"x": x, "targets": targets, "weights": random.uniform(0.2, 3, batch)}
        assert function_error(functions[name](), inputs) < 1e-7


def test_the_gradients_of_a_layer() -> None:
    random = np.random.default_rng(0)
    gated = layers["gated"](units=3)  # type: ignore[call-arg]
    parameters = {name: random.normal(size=shape) for name, shape in gated.shapes(4).items()}

    def program(x: Tensor, **weights: Tensor) -> Tensor:
        return gated.record(x, weights)

    assert gradient_error(program, {"x": random.normal(size=(5, 4)), **parameters}, {}) < 1e-7
    assert gated.initial("gate", (4, 3), random).any()


def test_an_update_and_a_schedule() -> None:
    w, g, m = np.array([1.0, 1.0]), np.array([3.0, -3.0]), np.array([-1.0, -1.0])
    lion = optimizers["lion"](beta_1=0.5, beta_2=0.75)  # type: ignore[call-arg]
    lion.update(np, w, g, np.empty(2), lion.coefficients(0.1, 1), m=m)
    assert w.tolist() == [0.9, 1.1]
    assert m.tolist() == [0.0, -1.5]
    decay = schedules["step_decay"](drops=2)  # type: ignore[call-arg]
    assert [decay.factor_at(step, Extent(2, 2, 2)) for step in range(4)] == [1.0, 1.0, 0.1, 0.1]


def test_a_schedule_that_observes() -> None:
    budget, memory = schedules["time_budget"](seconds=10.0), dict[str, float]()  # type: ignore[call-arg]
    for _ in range(3):
        budget.observe({"train_loss": 1.0}, 4.0, memory)
    assert memory == {"seconds": 12.0, "factor": 0.0}


def test_a_metric() -> None:
    outcome = ClassOutcome(("a", "b"))
    outcome.add(np.array([[1, 0], [1, 0], [0, 1.0]]), np.array([0, 1, 1]))
    found = metrics_for(outcome)
    assert found["macro_youden"] == pytest.approx(0.5)


@pytest.mark.slow
def test_an_activation_may_stand_at_the_end_of_the_package_s_file(tmp_path: Path) -> None:
    code = (FOLDER / "mish.py").read_text(encoding="utf-8")
    shutil.copytree(Path(mlptrain.__file__).parent, tmp_path / "mlptrain")
    with (tmp_path / "mlptrain/functions/activations.py").open("a", encoding="utf-8") as file:
        file.write("\n\n" + code[code.index("@activations.register") :])
    program = """
import numpy as np
from pathlib import Path
from mlptrain.autodiff.gradcheck import function_error
from mlptrain.config.load import parse_config
data = b"data: {train: x}\\nmodel: {activation: mish}"
mish = parse_config(data, Path("c.yaml")).config.model.activation
print(function_error(mish, {"x": np.linspace(-3, 3, 12).reshape(3, 4)}) < 1e-7)
"""
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "True\n"

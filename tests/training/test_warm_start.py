"""`training.init_from`: a run that starts with the weights of another model."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import WIDTH, N, interrupted, opened, require_same, settings, train, write_data

from mlptrain.errors import ConfigError, MlptrainError, ModelFileError
from mlptrain.training import checkpoint
from mlptrain.training.events import EpochDone
from mlptrain.training.signals import StopRequest

BEST = "first/best.safetensors"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A folder with a run of 2 epochs named first, and other data with classes of other names."""
    write_data(tmp_path)
    train(tmp_path, settings(epochs=2), "first")
    with np.load(tmp_path / "train.npz") as file:
        np.savez(tmp_path / "letters.npz", x=file["x"] + 1, y=np.array(list("abc"))[file["y"]])
        np.savez(tmp_path / "two.npz", x=file["x"], y=file["y"] % 2)
        np.savez(tmp_path / "wide.npz", x=np.tile(file["x"], 2), y=file["y"])
        np.savez(tmp_path / "more.npz", x=file["x"] * 2 + 1, y=file["y"])
    return tmp_path


def on(name: str, **changes: Any) -> dict[str, Any]:
    """A config for another file of examples, which starts from the run first."""
    data = {"train": f"{name}.npz", "validation": None}
    return settings(**{"data": data, "init_from": "first", **changes})


def weights(folder: Path, config: dict[str, Any], run: str = "run") -> tuple[Any, tuple[str, ...]]:
    """The parameters a run starts with, and the notes."""
    with opened(folder, config, run) as job:
        arrays = job.model.arena.by_name()
        return {name: array.copy() for name, array in arrays.items()}, job.splits.notes


def is_new(name: str) -> bool:
    return name.startswith("output/")


@pytest.mark.parametrize("path", ["first", BEST, "first/last.safetensors"])
def test_all_weights_are_those_of_the_file(first: Path, path: str) -> None:
    saved = checkpoint.load(first / (BEST if path == "first" else path))
    found, notes = weights(first, on("more", init_from=path))
    assert found.keys() == saved.parameters.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, saved.parameters[name])
    assert notes[0].startswith("training starts from ")
    assert "new" not in notes[0]


def test_inputs_are_scaled_as_the_weights_expect(first: Path) -> None:
    saved = checkpoint.load(first / BEST).state
    run = train(first, on("more"))
    assert run.trainer.normalization == saved.normalization
    plain = train(first, on("more", init_from=None), "plain")
    assert plain.trainer.normalization != saved.normalization
    data = {"train": "more.npz", "validation": None, "normalize": "none"}
    with pytest.raises(ConfigError, match=r"trained with data\.normalize: standard, not none"):
        train(first, on("more", data=data), "none")


@pytest.mark.parametrize(
    ("name", "why"),
    [("letters", "for targets with other names"), ("two", "has 3 units, this one 2")],
)
def test_other_classes_get_a_new_output_layer(first: Path, name: str, why: str) -> None:
    saved = checkpoint.load(first / BEST).parameters
    found, notes = weights(first, on(name))
    fresh, _ = weights(first, on(name, init_from=None), "fresh")
    for each, array in found.items():
        np.testing.assert_array_equal(array, (fresh if is_new(each) else saved)[each])
    assert f"the output layer is new: that of the file {'is ' * ('names' in why)}{why}" in notes[0]


@pytest.mark.parametrize("prefix", ["parameters/", "params/"])
def test_an_npz_has_the_names_of_a_checkpoint(first: Path, prefix: str) -> None:
    arrays = {
        f"{prefix}dense_1/kernel": np.full((WIDTH, 4), 0.5),
        f"{prefix}dense_1/bias": np.arange(4.0),
        f"{prefix}output/kernel": np.full((4, 3), 0.25),
        f"{prefix}output/bias": np.zeros(3),
    }
    np.savez(first / "w.npz", **arrays)
    config = on("more", init_from="w.npz")
    if prefix == "params/":
        with pytest.raises(ModelFileError, match=r"w\.npz holds the array 'params/dense_1/kernel'"):
            weights(first, config)
        return
    found, notes = weights(first, config)
    for name, array in found.items():
        np.testing.assert_array_equal(array, arrays[prefix + name])
    assert notes[0] == f"training starts from {first}/w.npz"
    headless = {name: array for name, array in arrays.items() if "output" not in name}
    np.savez(first / "w.npz", **headless)
    _, notes = weights(first, config, "again")
    assert notes[0].endswith("the output layer is new: the file has none")


DENSE = {"type": "dense", "units": 4, "activation": "relu"}


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        (on("more", model={"hidden_layers": [5]}), ["dense_1/kernel: 4 × 4 there, 4 × 5 here",
                                                     "dense_1/bias: 4 there, 5 here"]),
        (on("more", model={"hidden_layers": [4, 4]}), ["dense_2/kernel: none there, 4 × 4 here"]),
        (on("more", model={"layers": [{**DENSE, "use_bias": False}]}),
         ["dense_1/bias: 4 there, none here"]),
        (on("more", model={"layers": [{**DENSE, "activation": {"type": "elu", "alpha": 0.5}}]}),
         ["activation of dense_1: relu there, elu 0.5 here"]),
        (on("wide"), ["shape of the inputs: 4 there, 8 here", "4 × 4 there, 8 × 4 here"]),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit_are_named(first: Path, config: Any, lines: list[str]) -> None:
    with pytest.raises(ModelFileError, match="does not fit the model") as refused:
        weights(first, config)
    for line in lines:
        assert line in str(refused.value)
    assert not (first / "run").exists()


def test_columns_in_another_order_do_not_fit(tmp_path: Path) -> None:
    rows = "".join(f"{i % 3},{i % 5},{i % 2}\n" for i in range(N))
    (tmp_path / "one.csv").write_text(f"a,b,label\n{rows}")
    (tmp_path / "other.csv").write_text(f"b,a,label\n{rows}")
    sources = [{"type": "table", "path": f"{name}.csv"} for name in ("one", "other")]
    one, other = ({"train": source, "validation": None} for source in sources)
    train(tmp_path, settings(data=one), "first")
    with pytest.raises(ModelFileError, match="features of the inputs: a, b there, b, a here"):
        train(tmp_path, settings(data=other, init_from="first"))


def numbers(folder: Path, name: str, scale: float) -> dict[str, Any]:
    random = np.random.default_rng(0)
    x = random.normal(size=(N, WIDTH))
    np.savez(folder / f"{name}.npz", x=x, y=scale * x[:, 0] + 1)
    return {"train": f"{name}.npz", "validation": None}


@pytest.mark.parametrize("start", [True, False])
def test_numbers_to_predict_are_scaled_as_the_output_layer_expects(
    tmp_path: Path, *, start: bool
) -> None:
    """The first losses of the new run are those of the model it starts from."""
    config = settings(data=numbers(tmp_path, "small", 1), task="regression")
    first = train(tmp_path, config, "first")
    config["data"] = numbers(tmp_path, "large", 5)
    if start:
        config["training"]["init_from"] = "first"
    interrupted(tmp_path, config, "parts", after=1)
    run = train(tmp_path, config, "parts", resume=True)
    assert (run.trainer.spec == first.trainer.spec) is start
    train(tmp_path, config, "whole")
    require_same(tmp_path, "whole", "parts")


@pytest.mark.parametrize("optimizer", ["adam", {"type": "sgd", "momentum": 0.9}])
def test_a_kept_optimizer_goes_on_as_if_nothing_had_ended(tmp_path: Path, optimizer: Any) -> None:
    """Two epochs, then two more with all that was kept, are four; the order does not matter where
    a batch has all examples."""
    write_data(tmp_path)
    config = settings(optimizer=optimizer, batch_size="full", shuffle=False, precision="float64")
    at_once = train(tmp_path, {**config, "training": {**config["training"], "epochs": 4}}, "four")
    config["training"]["epochs"] = 2
    train(tmp_path, config, "first")
    config["training"]["init_from"] = {"path": "first/last.safetensors", "optimizer": "keep"}
    kept = train(tmp_path, config, "kept")
    assert kept.progress.steps_before == 2
    state, wanted = kept.trainer.state(), at_once.trainer.state()
    last = checkpoint.load(tmp_path / "four/last.safetensors")
    now = checkpoint.load(tmp_path / "kept/last.safetensors")
    for name, array in last.parameters.items():
        np.testing.assert_allclose(now.parameters[name], array, rtol=1e-12)
    assert state["optimizer"].keys() == wanted["optimizer"].keys()
    for name, vector in wanted["optimizer"].items():
        np.testing.assert_allclose(state["optimizer"][name], vector, rtol=1e-10)
    config["training"]["init_from"]["optimizer"] = "new"
    new = train(tmp_path, config, "new")
    assert not np.allclose(new.model.arena.values, kept.model.arena.values)


def test_a_kept_optimizer_follows_the_parameters_where_others_are_frozen(first: Path) -> None:
    """Their order in the vectors is another then; and moments that a frozen layer has from before
    do not move it."""
    model = {"layers": [{**DENSE, "trainable": False}]}
    init = {"path": "first", "optimizer": "keep"}
    saved, shown = checkpoint.load(first / BEST), {}
    with opened(first, on("more", model=model, init_from=init)) as job:
        for name, array in job.model.arena.by_name(job.trainer.descent.vectors["m"]).items():
            shown[name] = array.copy()
        list(job.train(StopRequest()))
        frozen = job.model.arena.value("dense_1/kernel")
        np.testing.assert_array_equal(frozen, saved.parameters["dense_1/kernel"])
    np.testing.assert_array_equal(
        np.sort(np.concatenate([array.reshape(-1) for array in shown.values()])),
        np.sort(saved.optimizer["m"]),
    )
    first_kernel = saved.optimizer["m"][: WIDTH * 4].reshape(WIDTH, 4)
    np.testing.assert_array_equal(shown["dense_1/kernel"], first_kernel)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"optimizer": "sgd"}, "it is that of another adam, this is sgd"),
        ({"optimizer": "lbfgs"}, "lbfgs looks at all examples"),
        ({"data": {"train": "two.npz", "validation": None}}, "the output layer is new"),
        ({"init_from": {"path": "w.npz", "optimizer": "keep"}}, "an .npz holds none"),
    ],
)
def test_an_optimizer_that_cannot_be_kept(first: Path, changes: Any, why: str) -> None:
    saved = checkpoint.load(first / BEST).parameters
    np.savez(first / "w.npz", **{f"parameters/{name}": array for name, array in saved.items()})
    config = on("more", **{"init_from": {"path": "first", "optimizer": "keep"}, **changes})
    with pytest.raises(ConfigError, match=rf"init_from\.optimizer: .*{why}.* Set it to new"):
        weights(first, config)


def test_where_a_run_came_from_is_recorded_and_resuming_needs_no_file(first: Path) -> None:
    config = on("more", epochs=4, init_from={"path": "first", "optimizer": "keep"})
    train(first, config, "whole")
    interrupted(first, config, "parts", after=2)
    digest = hashlib.sha256((first / BEST).read_bytes()).hexdigest()
    shutil.move(first / "first", first / "gone")
    train(first, config, "parts", resume=True)
    require_same(first, "whole", "parts")
    origin = {"path": str(first / BEST), "sha256": digest, "optimizer": "keep"}
    summary = json.loads((first / "parts/summary.json").read_text())
    assert summary["init_from"] == origin
    state = checkpoint.load(first / "parts/best.safetensors").state
    assert state.init_from is not None
    assert state.init_from.model_dump() == origin
    config["training"]["init_from"] = None
    with pytest.raises(ConfigError, match=r"training\.init_from\.optimizer: keep then, None now"):
        train(first, config, "parts", resume=True)


def test_fine_tuning_a_frozen_network_learns_with_the_head_alone(first: Path) -> None:
    model = {"layers": [{**DENSE, "trainable": False}]}
    saved = checkpoint.load(first / BEST).parameters
    with opened(first, on("letters", model=model, epochs=20)) as job:
        done = [each for each in job.train(StopRequest()) if isinstance(each, EpochDone)]
        found = job.model.arena.by_name()
        for name in ("dense_1/kernel", "dense_1/bias"):
            np.testing.assert_array_equal(found[name], saved[name])
    losses = [each.metrics.values["train_loss"] for each in done]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("path", ["nothing", "train.npz", "c.yaml", "empty"])
def test_a_file_without_weights_is_an_error(first: Path, path: str) -> None:
    (first / "empty").mkdir()
    with pytest.raises(MlptrainError, match=path):
        weights(first, on("more", init_from=path))
    assert not (first / "run").exists()

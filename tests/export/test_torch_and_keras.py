"""PyTorch and Keras: what they predict with exports, and what Keras wrote is read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_runs import given, own, predicted, written
from test_targets import CASES, LACKED, SLOW_TO_LOAD

from mlptrain.export.export import target_named
from mlptrain.export.importing import read_model
from mlptrain.training.trained_model import TrainedModel

PROGRAM = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
from keras import layers

for code, path, folder in json.load(sys.stdin):
    names = {"np": np, "path": path, "x": np.load(folder + "/x.npy")}
    exec(code, names)
    np.save(folder + "/y.npy", names["y"])

keras.utils.set_random_seed(0)
images = keras.Sequential([
    layers.Input((6, 5)), layers.Rescaling(1 / 255), layers.Flatten(),
    layers.Dense(7, "gelu"), layers.Dropout(0.3), layers.Dense(6, use_bias=False),
    layers.LeakyReLU(negative_slope=0.2), layers.Dense(1, "sigmoid"),
])
numbers = keras.Sequential([layers.Input((4,)), layers.Dense(3, "swish"), layers.Dense(2)])
x, z = (np.random.default_rng(0).integers(0, 256, s).astype("u1") for s in ((9, 6, 5), (9, 4)))
for name, model, inputs in ("images", images, x), ("numbers", numbers, z.astype("f4")):
    model.save(f"{name}.keras")
    np.savez(name, x=inputs, y=keras.ops.convert_to_numpy(model(inputs)))
"""


@pytest.mark.slow
def test_they_predict_the_same_and_what_keras_wrote_is_read(
    models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    """In one process, as they take seconds to load."""
    pytest.importorskip("torch", reason="PyTorch, on which Keras computes here, is not installed")
    jobs = []
    for name in SLOW_TO_LOAD:
        for case in (case for case in CASES if (name, case) not in LACKED):
            folder = tmp_path / name / case
            folder.mkdir(parents=True)
            np.save(folder / "x.npy", given(models[case]))
            target = target_named(name)
            path = written(target, models[case], folder)
            jobs.append((target.runs, str(path), str(folder)))
    subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, input=json.dumps(jobs).encode(), check=True
    )
    for _, _, folder in jobs:
        ours = own(models[Path(folder).name])
        theirs = np.load(f"{folder}/y.npy").reshape(ours.shape)
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5, err_msg=folder)
    for name in ("images", "numbers"):
        arrays = np.load(tmp_path / f"{name}.npz", allow_pickle=False)
        inputs, expected = arrays["x"], arrays["y"]
        if name == "images":  # one number is the probability of the second of two classes
            inputs, expected = inputs[..., None], np.hstack([1 - expected, expected])
        again = read_model(tmp_path / f"{name}.keras", None, None)
        np.testing.assert_allclose(predicted(again, inputs), expected, rtol=1e-4, atol=1e-6)

"""Every target run by its own tool, on every task and with every layer and activation."""

from pathlib import Path

import numpy as np
import pytest
from exported_runs import both, given, own, written
from task_runs import TASKS

from mlptrain.errors import UsageError
from mlptrain.export.export import target_named
from mlptrain.export.target import targets
from mlptrain.training.trained_model import TrainedModel

CASES = [*TASKS, "table", "digits", "plain", "everything"]
LACKED = {  # and the words that say why
    ("keras", "everything"): "a layer residual, and a Sequential model cannot branch. Use --to o",
    ("sklearn", "everything"): "a layer residual, and its networks cannot branch. Use --to onnx",
    ("sklearn", "plain"): "the activation leaky_relu, which sklearn lacks. It has identity, relu",
    ("sklearn", "segmentation"): "the task segmentation, and it has one softmax",
}
SLOW_TO_LOAD = ("torch", "keras")
OTHERS = (*SLOW_TO_LOAD, "browser")  # tested elsewhere


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [n for n in targets if n not in OTHERS])
def test_it_predicts_the_same(
    name: str, case: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    if (name, case) in LACKED:
        with pytest.raises(UsageError, match=LACKED[name, case]):
            target_named(name).files(models[case])
        return
    theirs, ours = both(target_named(name), models[case], tmp_path)
    assert ours.std() > 1e-4
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", [case for name, case in LACKED if name == "keras"])
def test_keras_lacks(case: str, models: dict[str, TrainedModel]) -> None:
    with pytest.raises(UsageError, match=LACKED["keras", case]):
        target_named("keras").files(models[case])


@pytest.mark.parametrize("case", ["classification", "digits", "multi_label"])
def test_scikit_learns_estimator_names_what_it_predicts(
    case: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    import runpy

    model, x = models[case], given(models[case])
    path = written(target_named("sklearn"), model, tmp_path)
    predicted = runpy.run_path(str(path / "model.py"))["model"]().predict(x.reshape(len(x), -1))
    if case == "multi_label":
        np.testing.assert_array_equal(predicted, own(model) > 0.5)
    else:
        names = np.array(model.state.targets.names)
        np.testing.assert_array_equal(predicted, names[own(model).argmax(axis=1)])
        assert len(set(predicted)) > 1 or case == "classification"

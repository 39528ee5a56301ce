"""Every target run by its own tool, on every task and with every layer and activation."""

from pathlib import Path

import numpy as np
import pytest
from exported_runs import both
from task_runs import TASKS

from mlptrain.export.export import target_named
from mlptrain.training.trained_model import TrainedModel

CASES = [*TASKS, "table", "everything"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["onnx", "numpy", "weights"])
def test_it_predicts_the_same(
    name: str, case: str, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    theirs, ours = both(target_named(name), models[case], tmp_path)
    assert ours.std() > 1e-4
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)

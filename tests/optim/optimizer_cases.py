"""Every optimizer that steps on mini-batches, in each of its variants."""

import pytest

from mlptrain.optim.optimizers import SGD, Adam, AdamW, MiniBatchOptimizer, optimizers

DEFINITIONS = [each for each in optimizers.definitions() if issubclass(each, MiniBatchOptimizer)]
VARIANTS: list[MiniBatchOptimizer] = [
    *(definition() for definition in DEFINITIONS),
    *(definition(weight_decay=0.1) for definition in DEFINITIONS),
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(momentum=0.5, nesterov=True, weight_decay=0.1),
    SGD(momentum=0.5, weight_decay=0.1),
    Adam(beta_1=0.0, epsilon=1e-3),
    AdamW(beta_2=0.9, weight_decay=0.0),
]
every_variant = pytest.mark.parametrize("optimizer", VARIANTS, ids=repr)

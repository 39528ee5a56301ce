"""What was recorded from PyTorch: the network, the ten steps, and each run's settings.

`make_reference.py` and the tests both read it from here."""

from itertools import pairwise
from typing import Any, NamedTuple

SIZES = (20, 16, 12, 5)  # inputs, relu, tanh, classes
STEPS, BATCH_SIZE = 10, 8
CLASS_WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)


class ReferenceRun(NamedTuple):
    """Settings by mlptrain's names; the schedule is constant."""

    optimizer: dict[str, Any]
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None


RUNS = {
    "sgd": ReferenceRun({"type": "sgd", "learning_rate": 0.1}),
    "sgd_momentum": ReferenceRun({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9}),
    "sgd_nesterov": ReferenceRun(
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True}
    ),
    "sgd_weight_decay": ReferenceRun(
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.05}
    ),
    "sgd_clip_norm": ReferenceRun(
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "clip_norm": 0.4}
    ),
    "adam": ReferenceRun({"type": "adam", "learning_rate": 0.01}),
    "adam_betas": ReferenceRun(
        {"type": "adam", "learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4}
    ),
    "adam_weight_decay": ReferenceRun(
        {"type": "adam", "learning_rate": 0.01, "weight_decay": 0.05}
    ),
    "adamw": ReferenceRun({"type": "adamw", "learning_rate": 0.01, "weight_decay": 0.05}),
    "adamw_clip_norm": ReferenceRun(
        {"type": "adamw", "learning_rate": 0.01, "weight_decay": 0.05, "clip_norm": 0.4}
    ),
    "class_weights": ReferenceRun(
        {"type": "sgd", "learning_rate": 0.1}, class_weights=CLASS_WEIGHTS
    ),
    "label_smoothing": ReferenceRun({"type": "adam", "learning_rate": 0.01}, label_smoothing=0.1),
}

# every registered activation, each with the settings that were recorded
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("identity", {}),
    "relu": ("relu", {}),
    "leaky_relu": ("leaky_relu", {}),
    "leaky_relu_steep": ("leaky_relu", {"negative_slope": 0.3}),
    "elu": ("elu", {}),
    "elu_half": ("elu", {"alpha": 0.5}),
    "gelu": ("gelu", {}),
    "gelu_approximate": ("gelu", {"approximate": True}),
    "silu": ("silu", {}),
    "tanh": ("tanh", {}),
    "sigmoid": ("sigmoid", {}),
    "softplus": ("softplus", {}),
    "softmax": ("softmax", {}),
}


def parameter_shapes() -> list[tuple[int, ...]]:
    """Kernel (n, units), then bias (units,), layer by layer: the order of the recorded vectors."""
    shapes: list[tuple[int, ...]] = []
    for n, units in pairwise(SIZES):
        shapes += [(n, units), (units,)]
    return shapes

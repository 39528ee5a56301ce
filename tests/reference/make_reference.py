"""Record once what PyTorch computes, in float64, as training.npz and activations.npz beside this
file. The tests need only those two; this script needs PyTorch (CPU, any recent version):

    pip install torch numpy
    python tests/reference/make_reference.py
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from reference_runs import (
    ACTIVATIONS,
    BATCH_SIZE,
    RUNS,
    SIZES,
    STEPS,
    ReferenceRun,
    parameter_shapes,
)
from torch.nn import functional

HERE = Path(__file__).parent
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def training() -> dict[str, np.ndarray]:
    """The first parameters, the batches, and of each run its losses and last parameters."""
    random = np.random.default_rng(0)
    count = sum(int(np.prod(shape)) for shape in parameter_shapes())
    recorded = {
        "initial": random.normal(0, 0.3, count),
        "x": random.normal(0, 1, (STEPS, BATCH_SIZE, SIZES[0])),
        "labels": random.integers(0, SIZES[-1], (STEPS, BATCH_SIZE)),
        "torch": np.array(torch.__version__),
    }
    for name, run in RUNS.items():
        losses, parameters = trained(run, recorded["initial"], recorded["x"], recorded["labels"])
        recorded[f"{name}/losses"] = losses
        recorded[f"{name}/parameters"] = parameters
    return recorded


def trained(
    run: ReferenceRun, initial: np.ndarray, x: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    parameters, start = [], 0
    for shape in parameter_shapes():
        size = int(np.prod(shape))
        values = torch.tensor(initial[start : start + size].reshape(shape), requires_grad=True)
        parameters.append(values)
        start += size
    optimizer = made(dict(run.optimizer), parameters)
    weight = None if run.class_weights is None else torch.tensor(run.class_weights)
    losses = []
    for step in range(STEPS):
        w1, b1, w2, b2, w3, b3 = parameters
        h = torch.relu(torch.tensor(x[step]) @ w1 + b1)
        h = torch.tanh(h @ w2 + b2)
        loss = functional.cross_entropy(
            h @ w3 + b3,
            torch.tensor(labels[step]),
            weight=weight,
            label_smoothing=run.label_smoothing,
        )
        optimizer.zero_grad()
        loss.backward()
        if (limit := run.optimizer.get("clip_norm")) is not None:
            length = float(torch.sqrt(sum((p.grad**2).sum() for p in parameters)))
            assert length > limit, "the limit is to be felt at every step"
            for p in parameters:  # clip_grad_norm_ itself adds 1e-6 to the norm
                p.grad.mul_(limit / length)
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses), torch.cat([p.detach().reshape(-1) for p in parameters]).numpy()


def made(settings: dict[str, Any], parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    """PyTorch's optimizer for settings by mlptrain's names; biases do not decay."""
    kind, decay = settings.pop("type"), settings.pop("weight_decay", 0.0)
    settings.pop("clip_norm", None)
    renamed: dict[str, Any] = {"lr": settings.pop("learning_rate")}
    if kind == "sgd":
        renamed |= settings
    else:
        renamed["betas"] = (settings.pop("beta_1", 0.9), settings.pop("beta_2", 0.999))
        renamed["eps"] = settings.pop("epsilon", 1e-8)
        assert not settings
    groups = [
        {"params": [p for p in parameters if p.ndim == 2], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[kind](groups, **renamed)


def activations() -> dict[str, np.ndarray]:
    """x (12, 10), g (12, 10), and of each activation y and the gradient at x for g at y."""
    random = np.random.default_rng(1)
    x = np.concatenate([np.linspace(-8, 8, 41), random.normal(0, 3, 75), [0.0, 20, -20, 30]])
    recorded = {"x": random.permutation(x).reshape(12, 10), "g": random.normal(size=(12, 10))}
    for name, (kind, settings) in ACTIVATIONS.items():
        inputs = torch.tensor(recorded["x"], requires_grad=True)
        y = value(kind, settings, inputs)
        y.backward(torch.tensor(recorded["g"]))
        recorded[f"{name}/y"] = y.detach().numpy().copy()
        recorded[f"{name}/gradient"] = inputs.grad.numpy()
    return recorded


def value(kind: str, settings: dict[str, Any], x: torch.Tensor) -> torch.Tensor:
    match kind:
        case "identity":
            return x * 1
        case "gelu":
            return functional.gelu(x, approximate="tanh" if settings else "none")
        case "softplus":  # functional.softplus cuts off at its threshold of 20
            return torch.logaddexp(x, torch.zeros_like(x))
        case "softmax":
            return functional.softmax(x, dim=1)
    function = getattr(functional, kind)
    return function(x, **settings)


if __name__ == "__main__":
    np.savez_compressed(HERE / "training.npz", **training())
    np.savez_compressed(HERE / "activations.npz", **activations())

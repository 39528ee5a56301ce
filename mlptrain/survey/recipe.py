"""A model and its training that suit the size of the data.

The rules are few, because they have to hold for data that nobody has looked at yet. What they reach
is in docs/data/start.md.
"""

from typing import Any, NamedTuple

_TINY, _SMALL, _LARGE = 500, 10_000, 200_000  # training examples


class Recipe(NamedTuple):
    """The sections `model` and `training` of a config."""

    model: dict[str, Any]
    training: dict[str, Any]


def recipe_for(task: str, examples: int, *, validated: bool) -> Recipe:
    """The recipe for a number of training `examples`; `validated`: whether there is a validation
    split."""
    batch_size, epochs = next(
        sizes
        for most, sizes in (
            (_TINY, (16, 200)),
            (_SMALL, (32, 60)),
            (_LARGE, (128, 40)),
            (examples, (512, 20)),
        )
        if examples <= most
    )
    training: dict[str, Any] = {
        "batch_size": batch_size,
        "epochs": epochs,
        "optimizer": {
            "type": "adamw",
            "learning_rate": 1e-3,
            "weight_decay": 0.01,
            "schedule": "cosine",
        },
    }
    if task == "classification":
        training["loss"] = {"type": "cross_entropy", "label_smoothing": 0.1}
    if task == "segmentation":
        training["class_weight"] = "balanced"
    if validated:
        monitor = "val_macro_iou" if task == "segmentation" else "val_loss"
        training["early_stopping"] = {"monitor": monitor, "patience": epochs // 4}
    return Recipe(_model(task, examples), training)


def _model(task: str, examples: int) -> dict[str, Any]:
    """Dropout where classes or labels are learned; numbers are learned better without."""
    small = examples <= _SMALL
    if task == "segmentation":
        return {"hidden_layers": [512]}
    if task == "autoencoder":
        return {"hidden_layers": [256, 32, 256], "activation": "elu"}
    first, second = (256, 128) if small else (512, 256)
    if task == "regression":
        return {"hidden_layers": [first, second]}
    dropout = {"type": "dropout", "rate": 0.3 if small else 0.4}
    layers = [
        {"type": "dense", "units": first, "activation": "relu"},
        dropout,
        {"type": "dense", "units": second, "activation": "relu"},
    ]
    return {"layers": layers if small else [*layers, dropout]}

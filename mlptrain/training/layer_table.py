"""A network as a table of its layers."""

import math
from collections.abc import Iterator

from mlptrain.nn.model import Model


def layer_rows(model: Model, shape: tuple[int, ...]) -> Iterator[tuple[str, str, str, str]]:
    """Titles, then a row per layer: its name, its settings, its input and output sizes, and its
    number of parameters; at the end their sum. `shape`: of each example's inputs."""
    yield "layer", "", "shape", "parameters"
    yield "input", "", f"{sides(shape)} → {model.inputs}", ""
    activation = str(type(model.head.activation).model_fields["type"].default)
    for placed in model.layers:
        count = sum(math.prod(shape) for shape in placed.shapes().values())
        last = placed is model.layers[-1]
        summary = activation if last else placed.layer.summary()
        yield (
            placed.name,
            f"{summary}, frozen" if count and placed.frozen() == {*placed.shapes()} else summary,
            f"{placed.inputs} → {placed.outputs}",
            f"{count:,}" if count else "",
        )
    yield "", "", "", f"{model.arena.values.size:,}"


def sides(shape: tuple[int, ...]) -> str:
    """(8, 8, 1) as 8×8×1."""
    return "×".join(map(str, shape))

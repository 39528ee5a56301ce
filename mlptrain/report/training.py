"""The sections on how the model came about: curves, weights, data, network, config, environment."""

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from mlptrain.report.charts import Series, line_chart
from mlptrain.report.markup import element
from mlptrain.report.material import Material
from mlptrain.report.pictures import first_weights
from mlptrain.report.run_files import RunFiles
from mlptrain.report.tables import facts, listing, table
from mlptrain.tasks.metrics.measure import resolve
from mlptrain.text import show_name
from mlptrain.training.layer_table import layer_rows

_SIDES = {"train_": "training", "val_": "validation"}
_REASONS = {
    "epochs": "all epochs done",
    "early_stopping": "early stopping",
    "optimizer": "ended by the optimizer",
    "schedule": "ended by the schedule",
}


def curve_section(material: Material) -> Iterator[tuple[str, list[Element]]]:
    """The values of each epoch."""
    epochs, best = material.files.epochs, material.model.state.progress.best_epoch
    charts = list(_curves(epochs, best)) if epochs else []
    if charts:
        yield "Learning curves", [element("div", *charts, class_="grid")]


def model_sections(material: Material) -> Iterator[tuple[str, list[Element]]]:
    """What was trained, on what, and with what."""
    model, files = material.model, material.files
    state = model.state
    weights = [] if model.takes_numbers else first_weights(model.network, state.shape)
    if weights:
        zero = (
            "Gray is zero"
            if state.shape[2] == 3
            else "White is zero, blue positive, orange negative"
        )
        note = (
            f"The weights of the {len(weights)} units with the largest ones, as pictures of the "
            f"input. {zero}; each picture has its own scale."
        )
        yield (
            "First layer",
            [
                element("p", note, class_="muted"),
                element("div", *weights, class_="weights"),
            ],
        )
    _, *rows, (*_, total) = layer_rows(model.network, state.shape)
    titles, last = ("layer", "settings", "shape", "parameters"), ("all layers", "", "", total)
    network = table("Layers and their parameters", titles, rows, texts=2, last=last)
    yield "Network", [network]
    yield "Data", list(_data(files))
    yield "Training", [facts(_training(material))]
    if files.config:
        yield "Config", [listing("config.yaml", files.config)]
    yield "Environment", [facts((name, text) for name, text in state.environment.items())]


def _curves(epochs: tuple[dict[str, Any], ...], best: int) -> Iterator[Element]:
    measured: dict[str, dict[str, Series]] = {}
    names = dict.fromkeys(name for epoch in epochs for name in epoch)
    for name in names:
        for prefix, side in _SIDES.items():
            if name.startswith(prefix):
                values = [epoch.get(name) for epoch in epochs]
                lines: dict[str, Series] = dict.fromkeys(_SIDES.values(), ())
                measured.setdefault(name.removeprefix(prefix), lines)[side] = values
    mark = (best, f"best: {best}") if best else None
    for name, lines in measured.items():
        if any(value is not None for line in lines.values() for value in line):
            yield line_chart(show_name(name), lines, mark, _bounds(name))
    rates = [epoch.get("learning_rate") for epoch in epochs]
    if len({rate for rate in rates if rate is not None}) > 1:
        yield line_chart("learning_rate", {"": rates})


def _bounds(name: str) -> tuple[float, float]:
    try:
        return resolve(name).metric.bounds
    except ValueError:  # a plug-in's that is not loaded
        return float("-inf"), float("inf")


def _data(files: RunFiles) -> Iterator[Element]:
    summary = files.summary
    if summary is None:
        return
    if summary.examples:
        copies = summary.copies_across_splits
        rows = [
            (name, f"{count:,}", f"{copies[name]:,}" if name in copies else "")
            for name, count in summary.examples.items()
        ]
        titles = ("split", "examples", "also in an earlier split")
        yield table("Sizes of the splits", titles, rows)
    if skipped := len(summary.skipped_images):
        yield element("p", f"{skipped:,} images could not be read and were left out.")


def _training(material: Material) -> Iterator[tuple[str, str]]:
    files, state = material.files, material.model.state
    summary, progress = files.summary, state.progress
    yield "task", state.config.task.type
    yield "parameters", f"{material.model.network.arena.values.size:,}"
    yield "epochs", f"{len(files.epochs) or progress.epoch:,}"
    yield "weights of epoch", f"{progress.epoch:,}"
    if summary is None:
        yield "end", "not over"
    else:
        yield "end", _REASONS.get(summary.reason, summary.reason)
        yield "monitor", summary.monitor
    seconds = [epoch.get("seconds") for epoch in files.epochs]
    if seconds:
        yield "time in training steps", f"{sum(each or 0 for each in seconds):,.1f} s"
    yield "seed", str(state.config.seed)
    yield "threads", str(state.threads)
    yield "kernels", state.kernels
    yield "matrix products", state.matmul_precision
    for each in summary.set if summary else ():
        yield "set", each

"""What `mlptrain reproduce` found, in lines for people."""

from collections.abc import Iterator

from mlptrain.cli.layout import plural
from mlptrain.text import show_name
from mlptrain.training.reproduction import Reproduction


def lines(result: Reproduction) -> Iterator[str]:
    """Identical, or the first difference; and what the results may depend on and has changed."""
    found = result.difference
    if found is None:
        epochs = plural(result.epochs, "epoch")
        yield f"identical: split, metrics of {epochs}, best and last checkpoint, test metrics"
    else:
        at = f", epoch {found.epoch}" if found.epoch else ""
        yield f"differs first in {found.file}{at}: {show_name(found.key)}"
        yield f"  then {show_name(str(found.then))}"
        yield f"  now  {show_name(str(found.now))}"
    for name, (then, now) in result.circumstances.items():
        role = "probable reason" if found else "changed, without effect"
        yield f"{role}: {show_name(name)}: {show_name(str(then))} then, {show_name(str(now))} now"
    if found and not result.circumstances:
        yield "versions, kernels, threads and plug-ins are those of the run"

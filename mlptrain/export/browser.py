"""A web page with the network inside, which works from the disk: choose, drop or draw an image."""

import base64
import json
from typing import ClassVar, Literal

from mlptrain.export.network import Activate, Network, Scale
from mlptrain.export.script import Phrases, statements
from mlptrain.export.spellings import spelled
from mlptrain.export.target import Target, filled, targets
from mlptrain.training.trained_model import TrainedModel


def _activate(step: Activate) -> str:
    if step.name == "softmax":
        return "x = softmax(x, last || x.length);"
    return f"x = x.map(v => {spelled('browser', step)});"


PHRASES = Phrases(
    scale="x = scale(x, W[{0}], W[{1}]);",
    dense="x = dense(x, W[{0}], W[{1}]);",
    reshape=lambda shape: f"last = {shape[-1]};" if len(shape) > 1 else "",
    activate=_activate,
    keep="const kept_{0} = x;",
    add="x = x.map((v, i) => kept_{0}[i] + v);",
)


@targets.register
class Browser(Target):
    """One HTML file that predicts for an image in any browser, from the disk, with nothing from the
    network."""

    type: Literal["browser"] = "browser"
    title: ClassVar[str] = "a web page"
    name: ClassVar[str] = "model.html"

    def files(self, model: TrainedModel) -> dict[str, bytes]:
        network = self.network(model)
        lines, arrays = statements(network, PHRASES)
        weights = (base64.b64encode(each.astype("<f4").tobytes()).decode() for each in arrays)
        text = filled(
            "browser.html",
            about=json.dumps(_about(network)).replace("<", r"\u003c"),
            steps="\n".join(f"  {line}" for line in lines),
            weights=",\n".join(f'"{each}"' for each in weights),
        )
        return {self.name: text.encode()}


def _about(network: Network) -> dict[str, object]:
    """What the page knows of the model; its pen is light if most pixels of the data are dark."""
    first = network.steps[0]
    assert isinstance(first, Scale)
    mean = float((-first.offset / first.scale).mean())
    return {**network.about(), "dark": mean < 128}

"""Reading an .npz file with the attributes of scikit-learn's MLPClassifier or MLPRegressor."""

import json

import numpy as np

from mlptrain.data.sources.npz import read_attributes
from mlptrain.export.network import Activate, Dense, Reshape, Step
from mlptrain.export.sklearn import HIDDEN
from mlptrain.export.source import Read
from mlptrain.export.spellings import ACTIVATIONS
from mlptrain.export.target import ABOUT
from mlptrain.paths import UnreadableError
from mlptrain.text import show_name

NAMES = {s.sklearn: name for name, s in ACTIVATIONS.items() if s.sklearn}
OUTPUTS = ("identity", "logistic", "softmax", "exp")


def read_sklearn(path: str) -> Read:
    """The network in the file at `path`. Raises UnreadableError and DataError."""
    arrays, texts = read_attributes(path)
    count = sum(name.startswith("coefs_") for name in arrays)
    if not count:
        raise UnreadableError("has no coefs_0: it holds no attributes of an MLPClassifier")
    hidden = _word(texts, "activation", HIDDEN)
    output = _word(texts, "out_activation_", OUTPUTS)
    steps: list[Step] = [Reshape((-1,))]
    for index in range(count):
        try:
            kernel, bias = arrays[f"coefs_{index}"], arrays[f"intercepts_{index}"]
        except KeyError as error:
            raise UnreadableError(f"lacks the array {error.args[0]}") from None
        steps.append(Dense(kernel.astype(np.float32), bias.astype(np.float32)))
        if index < count - 1 and hidden != "identity":
            steps.append(Activate(NAMES[hidden]))
    names = texts.get("classes_") or tuple(f"{each:g}" for each in arrays.get("classes_", ()))
    if output != "identity":
        steps.append(Activate(NAMES[output]))
    about = json.loads(texts[ABOUT][0]) if ABOUT in texts else {"names": names} if names else None
    return Read(steps, (len(arrays["coefs_0"]),), about)


def _word(texts: dict[str, tuple[str, ...]], name: str, allowed: tuple[str, ...]) -> str:
    (word,) = texts.get(name, ("missing",))
    if word not in allowed:
        raise UnreadableError(f"{name} is {show_name(word)}; {', '.join(allowed)} can be read")
    return word

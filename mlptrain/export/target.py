"""What a target defines: the files of an export, and how its own tool runs them."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from importlib.resources import files
from typing import ClassVar

from mlptrain.errors import UsageError
from mlptrain.export.network import Network, describe
from mlptrain.export.spellings import require
from mlptrain.registry import Definition, Registry
from mlptrain.training.trained_model import TrainedModel

ABOUT = "mlptrain"  # where a file has room for what its own tool does not read


class Target(Definition):
    """A form in which a trained model is handed over.

    Class attributes:
        title: what to call it.
        name: the default name of its file, or of the folder of its files.
        is_folder: whether it has several files.
        tools: the packages that run it.
        runs: Python that sets y, the predictions for the inputs x, with the export at `path`;
            empty: there is none.
    """

    type: str
    title: ClassVar[str]
    name: ClassVar[str]
    is_folder: ClassVar[bool] = False
    tools: ClassVar[Sequence[str]] = ()
    runs: ClassVar[str] = ""

    @abstractmethod
    def files(self, model: TrainedModel) -> dict[str, bytes]:
        """The content of each file, by its name in the folder; of a single one, by `name`. Raises
        UsageError if the target lacks something that `model` has."""

    def network(self, model: TrainedModel) -> Network:
        """`model` as a network, all of which the target can say. Raises UsageError."""
        network = describe(model)
        require(self.type, network)
        return network


targets: Registry[Target] = Registry("target", Target)


def needed(extra: str, package: str) -> UsageError:
    """The error for a missing `package`, which the `extra` brings."""
    return UsageError(
        f"{package} is not installed, which --to {extra} needs. Install it: pip install "
        f"'mlptrain[{extra}]'."
    )


def filled(template: str, **values: str) -> str:
    """The text of a file in templates/, with `values` for the words @name@ in it."""
    text = (files("mlptrain.export") / "templates" / template).read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda word: values[word[1]], text)

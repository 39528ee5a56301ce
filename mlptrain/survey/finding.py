"""Something about data that a person should know before training."""

from dataclasses import dataclass
from typing import Any, Literal

from mlptrain.text import exact

Severity = Literal["error", "warning"]  # an error stops training; with a warning it may mislead


@dataclass(frozen=True)
class Finding:
    """Attributes:
    severity: whether it stops training.
    kind: one word for all findings of one kind.
    where: the key of the config that it is about, such as data.train.
    what: what is wrong, a sentence without its full stop.
    remedy: what to do, in sentences.
    names: all examples, classes or columns that it is about, as shown to people.
    """

    severity: Severity
    kind: str
    where: str
    what: str
    remedy: str
    names: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """The finding for a program."""
        return {**vars(self), "what": exact(self.what), "names": list(map(exact, self.names))}

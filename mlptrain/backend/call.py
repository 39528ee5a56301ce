"""Calls of rules. Plans and updates are lists of calls, which a backend turns into code."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from numpy.typing import NDArray

from mlptrain.errors import DefinitionError
from mlptrain.text import show_path

Array = NDArray[Any]


class Bound(Protocol):
    """A list of calls, ready to run."""

    def __call__(self, times: int = 1) -> None:
        """Make all calls in order, `times` ≥ 1 times."""


@dataclass(frozen=True)
class Call:
    """`rule(xp, out, ...)`: the rule's other parameters take their values from `arrays` by name.
    A parameter with a default may be absent there.

    Attributes:
        rule: a function, or a method of a definition, that writes into `out` and allocates nothing.
        out: the array it writes.
        arrays: every value the rule may ask for, by name.
    """

    rule: Callable[..., None]
    out: Array
    arrays: dict[str, Any]

    def bind(self, xp: Any) -> Callable[[], None]:
        """The plain rule as a function without arguments. Raises DefinitionError if the rule asks
        for a name that `arrays` lacks."""
        signature = inspect.signature(self.rule)
        _, _, *others = signature.parameters.values()
        wanted = [p.name for p in others if p.name in self.arrays or p.default is p.empty]
        if missing := [name for name in wanted if name not in self.arrays]:
            code = self.rule.__code__
            where = f"{show_path(code.co_filename)}:{code.co_firstlineno}"
            raise DefinitionError(
                f"{where}: {self.rule.__qualname__} asks for '{missing[0]}'; "
                f"it may ask for {', '.join(self.arrays)}."
            )
        given = signature.bind(xp, self.out, **{name: self.arrays[name] for name in wanted})
        return partial(self.rule, *given.args, **given.kwargs)  # positional: a third of the time

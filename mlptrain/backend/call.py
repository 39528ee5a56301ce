"""One use of one rule: what a plan or an update is made of, and what a backend turns into code."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """`rule(xp, out, ...)`, where the rule asks for its other arguments by name; those with a
    default need not be there.

    Attributes:
        rule: a function, or a method of a definition, that writes into `out` and allocates nothing.
        out: what it writes.
        arrays: everything it may ask for, by name.
    """

    rule: Callable[..., None]
    out: Array
    arrays: dict[str, Any]

    def bind(self, xp: Any) -> Callable[[], None]:
        """The plain rule as a function without arguments."""
        _, _, *others = inspect.signature(self.rule).parameters.values()
        positional, by_name = [], {}  # a call by position takes a third of the time
        for parameter in others:
            name, default = parameter.name, parameter.default
            is_optional = default is not parameter.empty
            array = self.arrays.get(name, default) if is_optional else self.arrays[name]
            if parameter.kind is parameter.KEYWORD_ONLY:
                by_name[name] = array
            else:
                positional.append(array)
        return partial(self.rule, xp, self.out, *positional, **by_name)

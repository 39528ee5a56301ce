"""Rows of named values: predictions, epochs."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mlptrain.api.html import records_table


class Records(Sequence[dict[str, Any]]):
    """A list of records, which are dicts. Indexed by a key instead of a number, it gives that
    column as an array (n,); numbers that are undefined are NaN there, None in the record."""

    def __init__(self, records: Sequence[dict[str, Any]]) -> None:
        self._records = list(records)

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, index: str) -> NDArray[Any]: ...
    def __getitem__(self, index: int | slice | str) -> Any:
        if not isinstance(index, str):
            return self._records[index]
        if not any(index in record for record in self._records):
            known = ", ".join(dict.fromkeys(key for record in self._records for key in record))
            raise KeyError(f"there is no {index!r}; there are {known or 'no records'}")
        return _column([record.get(index) for record in self._records])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} records>"

    def _repr_html_(self) -> str:
        return records_table(self._records)


def _column(values: list[Any]) -> NDArray[Any]:
    """`values` as an array (n,), of objects if they are lists or dicts."""
    if any(isinstance(value, list | dict) for value in values):
        column = np.empty(len(values), object)
        for index, value in enumerate(values):
            column[index] = value
        return column
    return np.array([np.nan if value is None else value for value in values])

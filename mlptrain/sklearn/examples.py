"""The training examples of an estimator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets, LabelTargets

_AS_IT_IS = Normalization.identity(1, unit=1)


class Examples(Batches):
    """The rows of x, with their targets and weights. The rows of a sparse matrix become dense batch
    by batch.

    Args:
        x: (n, features), an array or a sparse matrix.
        y: (n,) class indices or (n, outputs) numbers, as the network learns them.
        weights: (n,) each example's weight in the loss; None: 1.
        arena: that of the network.
    """

    def __init__(self, x: Any, y: Array, weights: NDArray[np.float64] | None, arena: Arena) -> None:
        dtype, put = arena.values.dtype, arena.backend.put
        self._entries: dict[str, Array] = {}  # of a sparse matrix, as `sparse_rows` takes them
        if issparse(x):
            x = x.tocsr()
            if not x.has_canonical_format:
                x = x.copy()
                x.sum_duplicates()
            whole = {"columns": x.indices, "ends": x.indptr}
            self._entries = {name: put(each.astype(np.int64)) for name, each in whole.items()}
            self._entries["data"] = put(x.data.astype(dtype, copy=False))
            x = np.empty((x.shape[0], 0))
        self._given = {"x": np.ascontiguousarray(x, dtype)}
        self._given["y"] = y if y.ndim == 1 else y.astype(dtype)
        if weights is not None:
            self._given["weights"] = weights.astype(dtype)
        super().__init__(
            self._given["x"],
            (ClassTargets if y.ndim == 1 else LabelTargets)(self._given["y"], ()),
            _AS_IT_IS,
            weights=self._given.get("weights"),
            window=len(y),
            backend=arena.backend,
        )

    def calls(self, examples: Array, x: Array) -> list[Call]:
        if self._entries:
            return [Call(sparse_rows, x, {"places": examples, **self._entries})]
        return super().calls(examples, x)

    def refill(self, x: Array, y: Array, weights: Array | None) -> None:
        """Overwrite x, which is no sparse matrix, y and the weights, if there are any, with others
        of the same shapes."""
        given = {"x": x, "y": y, "weights": weights}
        for name, array in self._given.items():
            array[...] = given[name]
        for sums in ("_amounts", "total"):  # of the weights
            vars(self).pop(sums, None)


@kernel("sparse_rows")
def sparse_rows(
    _xp: Any, out: Array, places: Array, data: Array, columns: Array, ends: Array
) -> None:
    """outᵢ = row placesᵢ of a sparse matrix, whose row r has the entries ends[r] … ends[r + 1] - 1
    of data, in these columns."""
    out[...] = 0
    for i, place in enumerate(places):
        entries = slice(ends[place], ends[place + 1])
        out[i, columns[entries]] = data[entries]

"""The training examples of an estimator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.backend.protocol import Backend
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import Targets

_AS_IT_IS = Normalization.identity(1, unit=1)


def batches_of(
    x: Any, targets: Targets, weights: NDArray[np.float64] | None, arena: Arena
) -> Batches:
    """The rows of x (n, features), an array or a sparse matrix, with their targets and weights, for
    a network with `arena`."""
    backend, x = arena.backend, x.astype(arena.values.dtype, copy=False)
    if sparse.issparse(x):
        return _SparseBatches(x.tocsr(), targets, weights, backend)
    x = np.ascontiguousarray(x)
    return Batches(x, targets, _AS_IT_IS, weights=weights, window=len(x), backend=backend)


class _SparseBatches(Batches):
    """The rows of a sparse matrix x (n, features), which become dense batch by batch."""

    def __init__(
        self,
        x: "sparse.csr_matrix",
        targets: Targets,
        weights: NDArray[np.float64] | None,
        backend: Backend,
    ) -> None:
        n = x.shape[0]
        if not x.has_canonical_format:
            x = x.copy()
            x.sum_duplicates()
        nothing = np.empty((n, 0))
        super().__init__(nothing, targets, _AS_IT_IS, weights=weights, window=n, backend=backend)
        self._entries = {
            "data": backend.put(x.data),
            "columns": backend.put(x.indices.astype(np.int64)),
            "ends": backend.put(x.indptr.astype(np.int64)),
        }

    def calls(self, examples: Array, x: Array) -> list[Call]:
        return [Call(sparse_rows, x, {"places": examples, **self._entries})]


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

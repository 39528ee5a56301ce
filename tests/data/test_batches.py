"""What `Batches` writes, by the plain rule and by the compiled kernel."""

import numpy as np
import pytest

from mlptrain.backend.numpy import NumpyBackend
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.training.machine import choose_backend

RANDOM = np.random.default_rng(0)
BACKENDS = {backend.kernels: backend for backend in (NumpyBackend(), choose_backend())}


def filled(batch: int, inputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays of a program, full of rubbish."""
    return (
        np.full((batch, inputs), np.nan, np.float32),
        np.full(batch, -7, np.int64),
        np.full(batch, np.nan, np.float32),
    )


@pytest.mark.parametrize("kernels", BACKENDS)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (28, 28, 1), (64, 64, 3)])
@pytest.mark.parametrize("standard", [True, False])
def test_examples_arrive_scaled(
    kernels: str, threads: int, shape: tuple[int, int, int], standard: bool
) -> None:
    backend = BACKENDS[kernels]
    backend.use_threads(threads)
    images = RANDOM.integers(0, 256, (50, *shape), np.uint8)
    labels, rows = RANDOM.integers(0, 3, 40), RANDOM.permutation(50)[:40]
    weights = np.array([0.5, 1.0, 3.0])
    plain = Normalization.identity(shape[2])
    normalization = Normalization.fit([images]) if standard else plain
    batches = Batches(images, labels, normalization, weights, rows, backend)
    for indices in (np.arange(40), np.array([39]), RANDOM.permutation(40)[:17]):
        x, y, w = filled(40, images[0].size)
        batches.write(indices, x, y, w)
        m, pixels = len(indices), images[rows[indices]]
        exact = (pixels / 255 - normalization.mean) / normalization.std
        np.testing.assert_allclose(x[:m], exact.reshape(m, -1), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(y[:m], labels[indices])
        of_class = weights[labels[indices]]
        shares = of_class / of_class.sum()
        np.testing.assert_array_equal(w[:m], shares.astype(np.float32))
        assert not x[m:].any()
        assert not y[m:].any()
        assert not w[m:].any()


@pytest.mark.parametrize("kernels", BACKENDS)
def test_two_programs_are_fed_by_one(kernels: str) -> None:
    images = RANDOM.integers(0, 256, (20, 2, 2, 1), np.uint8)
    made = Batches(images, np.arange(20), Normalization.identity(1), backend=BACKENDS[kernels])
    first, second = filled(5, 4), filled(5, 4)
    made.write(np.arange(5), *first)
    made.write(np.arange(5, 10), *second)
    made.write(np.arange(10, 15), *first)
    np.testing.assert_array_equal(first[1], np.arange(10, 15))
    np.testing.assert_allclose(first[0], images[10:15].reshape(5, 4) / 255, rtol=1e-6)
    np.testing.assert_allclose(second[0], images[5:10].reshape(5, 4) / 255, rtol=1e-6)
    np.testing.assert_array_equal(first[2], np.float32(1 / 5))


@pytest.mark.parametrize("kernels", BACKENDS)
def test_twice_the_weights_are_the_same_shares(kernels: str) -> None:
    """As PyTorch's mean: Σ weightᵢ lossᵢ / Σ weightᵢ, the weight being the class's."""
    images, labels = np.zeros((20, 2, 2, 1), np.uint8), RANDOM.integers(0, 3, 20)
    weights, written = np.array([0.3, 2.0, 0.7]), []
    for factor in (1, 2):
        x, y, w = filled(20, 4)
        Batches(
            images, labels, Normalization.identity(1), factor * weights, backend=BACKENDS[kernels]
        ).write(np.arange(20), x, y, w)
        written.append(w)
    np.testing.assert_array_equal(written[0], written[1])
    assert written[0].sum() == pytest.approx(1, rel=1e-6)

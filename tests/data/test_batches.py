"""What programs gather from `Batches`, by the plain rule and by the compiled kernel."""

from pathlib import Path

import numpy as np
import pytest

from mlptrain.backend.choice import choose_backend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.data import shuffling
from mlptrain.data.batches import Batches
from mlptrain.data.loading.mapping import mapped
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets

RANDOM = np.random.default_rng(0)
BACKENDS = {backend.kernels: backend for backend in (NumpyBackend(), choose_backend())}


def classes(labels: np.ndarray, weights: np.ndarray | None = None) -> ClassTargets:
    names = tuple(f"class {label}" for label in range(labels.max() + 1))
    return ClassTargets(labels, names, name_weights=weights)


def written(
    batches: Batches,
    backend: Backend,
    examples: np.ndarray,
    inputs: int,
    real: type[np.floating] = np.float32,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a program's arrays, full of rubbish, then hold."""
    m = len(examples)
    x, y = np.full((m, inputs), np.nan, real), np.full(m, -7, np.int64)
    w = np.full(m, np.nan, real)
    backend.bind([*batches.calls(examples, x), *batches.target_calls(examples, y, w)])()
    return x, y, w


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
    normalization = Normalization.of_images([images]) if standard else plain
    targets = classes(labels, weights)
    batches = Batches(images, targets, normalization, rows, window=40, backend=backend)
    for indices in (np.arange(40), np.array([39]), RANDOM.permutation(40)[:17]):
        x, y, w = written(batches, backend, indices, images[0].size)
        m, pixels = len(indices), images[rows[indices]]
        exact = (pixels / 255 - normalization.mean) / normalization.std
        np.testing.assert_allclose(x, exact.reshape(m, -1), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(y, labels[indices])
        of_class = weights[labels[indices]]
        shares = of_class / of_class.sum()
        np.testing.assert_array_equal(w, shares.astype(np.float32))


@pytest.mark.parametrize("kernels", BACKENDS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("width", [1, 5, 3000])
@pytest.mark.parametrize("standard", [True, False])
@pytest.mark.parametrize("stored", ["uint8", "float32", "float64"])
def test_float64_keeps_its_digits(
    kernels: str, threads: int, width: int, standard: bool, stored: str
) -> None:
    backend = BACKENDS[kernels]
    backend.use_threads(threads)
    numbers = RANDOM.uniform(0, 255, (50, width)).astype(stored)
    labels, rows = RANDOM.integers(0, 3, 40), RANDOM.permutation(50)[:40]
    weights = RANDOM.uniform(0, 2, 40).astype(np.float32)
    scaling = Normalization.of_numbers([numbers]) if standard else Normalization.identity(1, unit=1)
    batches = Batches(
        numbers, classes(labels), scaling, rows, weights=weights, window=40, backend=backend
    )
    indices = RANDOM.permutation(40)[:17]
    x, y, w = written(batches, backend, indices, width, np.float64)
    exact = (numbers[rows[indices]].astype(float) - scaling.mean) / scaling.std
    np.testing.assert_allclose(x, exact, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(y, labels[indices])
    wide = weights[indices].astype(float)
    np.testing.assert_allclose(w, wide / wide.sum(), rtol=1e-15)


@pytest.mark.parametrize("kernels", BACKENDS)
def test_a_batch_of_examples_without_weight_has_no_part_in_the_loss(kernels: str) -> None:
    weights = np.array([0, 2, 0, 1], np.float32)
    images, targets = np.zeros((4, 2, 2, 1), np.uint8), classes(np.array([0, 1, 1, 0]))
    plain = Normalization.identity(1)
    batches = Batches(images, targets, plain, weights=weights, window=4, backend=BACKENDS[kernels])
    for examples, wanted in (([0, 2], [0, 0]), ([3, 1], [1 / 3, 2 / 3]), ([2, 3], [0, 1])):
        _, _, w = written(batches, BACKENDS[kernels], np.array(examples), 4)
        np.testing.assert_array_equal(w, np.array(wanted, np.float32))


@pytest.mark.parametrize("kernels", BACKENDS)
@pytest.mark.parametrize(
    ("mean", "std"),
    [((0.0, 0.5, 0.2), (0.5, 0.5, 0.5)), ((0.5, 0.5, 0.1), (0.2, 0.2, 0.9))],
)
def test_each_channel_has_its_own_scale_and_offset(
    kernels: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    """Also where some of them are 0 or alike."""
    images = RANDOM.integers(0, 256, (6, 2, 3, 3), np.uint8)
    batches = Batches(
        images,
        classes(np.arange(6)),
        Normalization(mean=mean, std=std),
        window=6,
        backend=BACKENDS[kernels],
    )
    x, _, w = written(batches, BACKENDS[kernels], np.arange(6), 18)
    exact = (images / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(x, exact.reshape(6, -1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(w, np.float32(1 / 6))  # nothing weighs the classes


@pytest.mark.parametrize("kernels", BACKENDS)
def test_twice_the_weights_are_the_same_shares(kernels: str) -> None:
    """As PyTorch's mean: Σ weightᵢ lossᵢ / Σ weightᵢ, the weight being the class's."""
    images, labels = np.zeros((20, 2, 2, 1), np.uint8), RANDOM.integers(0, 3, 20)
    weights, shares = np.array([0.3, 2.0, 0.7]), []
    for factor in (1, 2):
        identity, targets = Normalization.identity(1), classes(labels, factor * weights)
        batches = Batches(images, targets, identity, window=20, backend=BACKENDS[kernels])
        shares.append(written(batches, BACKENDS[kernels], np.arange(20), 4)[2])
    np.testing.assert_array_equal(shares[0], shares[1])
    assert shares[0].sum() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("start", [0, 6, 15])
def test_a_large_file_is_read_window_by_window(
    start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine examples at a time; within a window, as if all were in memory."""
    monkeypatch.setattr(shuffling, "WHOLE_BYTES", 0)
    images = RANDOM.integers(0, 256, (30, 3, 3, 1), np.uint8)
    (tmp_path / "pixels").write_bytes(images.tobytes())
    with (tmp_path / "pixels").open("rb") as file:
        in_file = mapped(file.fileno(), images.size).reshape(images.shape)
        rows, targets = RANDOM.permutation(30)[:25], classes(np.arange(25))
        batches = Batches(
            in_file, targets, Normalization.identity(1), rows=rows, window=9, backend=NumpyBackend()
        )
        for _ in range(2):  # nothing is left of the epoch before
            examples, seen = RANDOM.permutation(25), 0
            for window in batches.windows(examples, start):
                assert window.start == start + seen
                assert window.stop in (9, 18, 25)  # those of a whole epoch
                seen += window.stop - window.start
                wanted = examples[window]
                x, y, _ = written(batches, BACKENDS["numpy"], wanted, 9)
                exact = images[rows[wanted]].reshape(-1, 9) / 255
                np.testing.assert_allclose(x, exact, rtol=1e-6)
                np.testing.assert_array_equal(y, wanted)
            assert seen == 25 - start

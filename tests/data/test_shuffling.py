"""The order of an epoch: every example once, and what is beyond the limit window by window."""

import numpy as np
import pytest

from mlptrain.data import shuffling
from mlptrain.data.shuffling import WINDOW_BYTES, shuffled, window_size

ROW = 100
COUNT = 5003


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 5 rows, below windows of 320 rows, 64 blocks."""
    monkeypatch.setattr(shuffling, "WHOLE_BYTES", COUNT * ROW - 1)
    monkeypatch.setattr(shuffling, "BLOCK_BYTES", 5 * ROW + ROW // 2)


def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_up_to_the_limit_it_is_a_plain_permutation(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = random().permutation(COUNT - 1)
    np.testing.assert_array_equal(shuffled(COUNT - 1, ROW, 320, random()), expected)
    assert not np.array_equal(shuffled(COUNT, ROW, 320, random())[:-1], expected)
    monkeypatch.setattr(shuffling, "WHOLE_BYTES", COUNT * ROW)
    expected = random().permutation(COUNT)
    np.testing.assert_array_equal(shuffled(COUNT, ROW, 320, random()), expected)


@pytest.mark.parametrize(
    ("count", "row"), [(COUNT, ROW), (COUNT - 3, ROW), (40, 10**6), (1, 10**9)]
)
def test_every_example_comes_once(count: int, row: int) -> None:
    assert sorted(shuffled(count, row, 320, random())) == list(range(count))


def test_it_depends_on_the_generator_alone() -> None:
    np.testing.assert_array_equal(
        shuffled(COUNT, ROW, 320, random()), shuffled(COUNT, ROW, 320, random())
    )
    other = shuffled(COUNT, ROW, 320, np.random.default_rng(4))
    assert not np.array_equal(shuffled(COUNT, ROW, 320, random()), other)


def test_a_window_needs_only_its_blocks() -> None:
    """And each window is shuffled as a whole, not block by block."""
    epoch = shuffled(COUNT, ROW, 320, random())
    windows = [epoch[first : first + 320] for first in range(0, COUNT, 320)]
    blocks = [set(window // 5) for window in windows]
    assert max(map(len, blocks)) <= 65  # one is cut where the block of 3 shifts the windows
    assert sum(map(len, blocks)) <= 1001 + len(blocks)
    for window in windows[:-1]:
        neighbours = np.mean(window[1:] // 5 == window[:-1] // 5)
        assert neighbours < 0.06  # 4 / 319 if all orders are equally likely


def test_a_window_holds_many_of_every_class() -> None:
    """10 classes one after the other: 6.4 blocks of each expected in a window."""
    labels = np.arange(COUNT) * 10 // COUNT
    epoch = labels[shuffled(COUNT, ROW, 320, random())]
    counts = [
        np.bincount(epoch[first : first + 320], minlength=10) for first in range(0, 4800, 320)
    ]
    assert np.std(counts) < 1.3 * 5 * 6.4**0.5


def test_a_window_is_of_whole_batches() -> None:
    assert window_size(12_288, 64) == 21_824  # 341 batches; 256 MiB are 21,845 rows
    assert window_size(12_288, 64) * 12_288 <= WINDOW_BYTES
    assert window_size(WINDOW_BYTES, 64) == 64

"""Stratified splits, over many shapes of data."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mlptrain.data.splits import stratified_split
from mlptrain.errors import DataError


def names(count: int) -> tuple[str, ...]:
    return tuple(f"class {index}" for index in range(count))


def alone(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """What says that no example is a copy of another."""
    return np.arange(len(labels))


@pytest.mark.parametrize("seed", range(40))
def test_every_example_once_and_every_class_in_proportion(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 60, random.integers(1, 12))
    labels = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    fraction = random.uniform(0.01, 0.99)
    kept, held_out = stratified_split(labels, alone(labels), fraction, random, names(len(sizes)))
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held_out) > 0).all()
    for index, size in enumerate(sizes):
        count = int((labels[held_out] == index).sum())
        assert 1 <= count <= size - 1
        assert abs(count - fraction * size) < 1 or count in (1, size - 1)


def test_the_total_is_as_near_as_can_be() -> None:
    labels = np.repeat(np.arange(10), 15)
    _, held_out = stratified_split(labels, alone(labels), 0.1, np.random.default_rng(0), names(10))
    assert len(held_out) == 15
    assert sorted(np.bincount(labels[held_out])) == [1] * 5 + [2] * 5


def test_the_largest_remainder_is_rounded_up() -> None:
    labels = np.repeat([0, 1, 2], [11, 19, 12])
    _, held_out = stratified_split(labels, alone(labels), 0.1, np.random.default_rng(0), names(3))
    assert np.bincount(labels[held_out]).tolist() == [1, 2, 1]


def test_the_generator_alone_decides() -> None:
    labels = np.random.default_rng(3).integers(0, 4, 200)
    first, again, other = (
        stratified_split(labels, alone(labels), 0.3, np.random.default_rng(seed), names(4))[1]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_order_of_other_classes_changes_nothing() -> None:
    """The m-th example of a class is held out or not, wherever the other classes' ones lie."""
    grouped = np.repeat([0, 1, 2], [20, 30, 10])
    mixed = np.random.default_rng(0).permutation(grouped)
    for index in range(3):
        members = [
            np.isin(np.flatnonzero(labels == index), held_out)
            for labels in (grouped, mixed)
            for _, held_out in [
                stratified_split(labels, alone(labels), 0.25, np.random.default_rng(5), names(3))
            ]
        ]
        np.testing.assert_array_equal(*members)


@pytest.mark.slow
def test_all_examples_have_the_same_chance() -> None:
    labels = np.repeat([0, 1], [10, 40])
    random = np.random.default_rng(0)
    held_out = [
        stratified_split(labels, alone(labels), 0.2, random, names(2))[1] for _ in range(4000)
    ]
    shares = np.bincount(np.concatenate(held_out), minlength=50) / 4000
    assert abs(shares - 0.2).max() < 0.035


def test_a_class_too_small_is_named() -> None:
    message = r"^class 'b\\n': has one example, but a part of each class is to be held out"
    with pytest.raises(DataError, match=message):
        stratified_split(
            np.array([0, 0, 1]), np.arange(3), 0.5, np.random.default_rng(0), ("a", "b\n")
        )


def test_copies_stay_on_one_side() -> None:
    """Whatever their number and labels; the shares of the classes stay as near as they can."""
    random = np.random.default_rng(0)
    for round_ in range(200):
        labels = random.permutation(np.repeat([0, 1, 2], random.integers(20, 60, 3)))
        originals = random.integers(0, 20, len(labels)) * 3
        if round_ % 2:
            originals += labels  # copies have the same label
        kept, held_out = stratified_split(labels, originals, 0.25, random, names(3))
        assert set(originals[kept]).isdisjoint(originals[held_out])
        assert sorted([*kept, *held_out]) == list(range(len(labels)))
        if round_ % 2:
            missed = np.bincount(labels[held_out]) - 0.25 * np.bincount(labels)
            assert (abs(missed) < 3).all()


def test_a_class_with_more_copies_than_its_share_still_has_both_sides() -> None:
    labels = np.repeat([0, 1], 8)
    originals = np.array([0] * 6 + [6] * 2 + [8] * 4 + [12] * 4)
    for seed in range(20):
        _, held_out = stratified_split(
            labels, originals, 0.1, np.random.default_rng(seed), names(2)
        )
        assert held_out[:2].tolist() == [6, 7]
        assert held_out[2:].tolist() in ([8, 9, 10, 11], [12, 13, 14, 15])


@pytest.mark.parametrize("originals", [[0, 0, 2, 3], [0, 1, 2, 2]])
def test_copies_of_one_example_are_not_enough_for_a_class(originals: list[int]) -> None:
    labels, random = np.array([0, 0, 1, 1]), np.random.default_rng(0)
    with pytest.raises(DataError, match="has 2 examples, which are copies of each other"):
        stratified_split(labels, np.array(originals), 0.5, random, names(2))

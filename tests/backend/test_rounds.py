"""Which operations of a program may run at the same time."""

import numpy as np
import pytest

from mlptrain.backend.call import Array
from mlptrain.backend.memory import empty
from mlptrain.backend.operations import WORK_PER_THREAD, Operation, operation
from mlptrain.backend.rounds import LARGE, MOST_TASKS, Task, rounds

ROWS = 64


def matrix(rows: int = ROWS, columns: int = 50) -> Array:
    return empty((rows, columns), np.float32)


def on_rows(out: Array, *arrays: Array, shared: tuple[int, ...] = ()) -> Operation:
    """An operation on the rows of `out`, worth two threads."""
    each = 2 * WORK_PER_THREAD // len(out)
    return operation("any", (out, *arrays), len(out), each, 2, rows=len(out), shared=shared)


def of_weights(out: Array, *arrays: Array, parts: int = 2) -> Operation:
    """An operation that computes `out` from all of the arrays, worth `parts` threads."""
    work = WORK_PER_THREAD * parts // len(out) + 1
    return operation("any", (out, *arrays), len(out), work, parts, writes_out=True)


def names(found: list[list[Task]], *operations: Operation) -> list[list[list[tuple[int, int]]]]:
    """Each task of each round as (index of the operation, part)."""
    outs = [each.arrays[0] for each in operations]

    def index(operation: Operation) -> int:
        return next(i for i, out in enumerate(outs) if out is operation.arrays[0])

    return [[[(index(o), part) for o, part in task] for task in tasks] for tasks in found]


def test_operations_on_the_same_rows_are_a_chain() -> None:
    x, y, z = matrix(), matrix(), matrix(columns=10)
    chain = on_rows(y, x), on_rows(z, y)
    found = rounds(chain, 2)
    assert names(found, *chain) == [[[(0, 0), (1, 0)], [(0, 1), (1, 1)]]]


def test_an_operation_on_all_rows_waits_until_the_chain_is_done() -> None:
    x, y, z, total = matrix(), matrix(), matrix(), matrix(1, 1)
    first, summed = on_rows(y, x), of_weights(total, y, parts=1)._replace(parts=1)
    found = rounds((first, summed, on_rows(z, x)), 2)
    assert [[len(task) for task in tasks] for tasks in found] == [[2, 2], [1]]
    assert found[1] == [[(summed, 0)]]
    large = summed._replace(work=LARGE)
    assert len(rounds((first, large, on_rows(z, x)), 2)) == 3


def test_but_not_if_the_chain_needs_it_or_overwrites_what_it_needs() -> None:
    x, y, z, total = matrix(), matrix(), matrix(), matrix(1, 1)
    first, summed = on_rows(y, x), of_weights(total, y, parts=1)._replace(parts=1)
    for last in (on_rows(z, x, total, shared=(2,)), on_rows(y, x), on_rows(x, y)):
        found = rounds((first, summed, last), 2)
        assert [len(tasks[0]) for tasks in found] == [1, 1, 1]
        assert found[1] == [[(summed, 0)]]


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_in_a_chain_all_parts_are_the_same_rows(threads: int) -> None:
    x, y, z = matrix(70), matrix(70), matrix(70, 10)
    by_entries = operation("any", (y, x), y.size, 100, 2, rows=70, grain=8)
    (tasks,) = rounds((by_entries, on_rows(z, y)), threads)
    assert len(tasks) == threads
    for task in tasks:
        of_entries, of_rows = (
            [int(each.bounds[-1]) * i // each.parts // each.grain for i in (part, part + 1)]
            for each, part in task
        )
        assert of_entries == of_rows


def test_what_all_parts_read_is_not_written_in_the_chain() -> None:
    x, weights, y, z = matrix(), matrix(), matrix(), matrix()
    product = on_rows(z, y, weights, shared=(2,))
    assert len(rounds((on_rows(y, x), product), 2)) == 1
    assert len(rounds((on_rows(weights, x), product), 2)) == 2
    assert len(rounds((product, on_rows(weights, x)), 2)) == 2


def test_a_chain_has_one_number_of_rows_and_no_rows_of_other_arrays() -> None:
    x, y, z = matrix(), matrix(), matrix()
    assert len(rounds((on_rows(y, x), on_rows(matrix(32), matrix(32))), 2)) == 2
    moved = y[1:].reshape(-1)[: ROWS * 10].reshape(ROWS, 10)
    assert len(rounds((on_rows(y, x), on_rows(z, moved)), 2)) == 2
    assert len(rounds((on_rows(y[8:40], x[8:40]), on_rows(z[:32], y[:32])), 2)) == 2
    assert len(rounds((on_rows(y[8:40], x[8:40]), on_rows(z[:32], y[16:48])), 2)) == 2


def test_an_operation_whose_own_arrays_overlap_is_alone() -> None:
    m, y = matrix(), matrix(32)
    odd = on_rows(y, m[16:48], m, shared=(2,))
    assert len(rounds((odd, on_rows(m[16:48], y)), 2)) == 2
    assert len(rounds((on_rows(y, matrix(32)), odd), 2)) == 2


def test_a_chain_has_no_fewer_parts_than_an_operation_alone() -> None:
    x, y, z = (matrix(12, 10_000) for _ in range(3))
    alone = operation("any", (y, x), 12, 100_000, 2, rows=12)
    assert alone.parts == 2
    assert len(rounds((alone, on_rows(z, y)), 2)) == 2


def test_operations_that_need_no_result_of_each_other_are_a_bundle() -> None:
    g, x = matrix(), matrix()
    small = operation("any", (matrix(), g), ROWS, 100, 2, writes_out=True)
    bundle = small, of_weights(matrix(), x, g)
    found = rounds(bundle, 2)
    assert names(found, *bundle) == [[[(1, 0)], [(1, 1)], [(0, 0)]]], "the largest parts first"


def test_operations_with_the_most_parts_come_first_in_a_bundle() -> None:
    """So the tasks of a thread are as many apart as they have parts."""
    g = matrix()
    single = of_weights(matrix(), g)._replace(parts=1, work=2 * WORK_PER_THREAD - 1)
    bundle = of_weights(matrix(), g), single, of_weights(matrix(), g)
    found = rounds(bundle, 2)
    assert names(found, *bundle) == [[[(0, 0)], [(0, 1)], [(2, 0)], [(2, 1)], [(1, 0)]]]


def test_results_are_not_needed_and_inputs_not_overwritten_in_a_bundle() -> None:
    x, y, z = matrix(), matrix(), matrix()
    assert len(rounds((of_weights(y, x), of_weights(z, y)), 2)) == 2
    assert len(rounds((of_weights(y, x), of_weights(x, z)), 2)) == 2
    assert len(rounds((of_weights(y, x), of_weights(y, z)), 2)) == 2
    assert len(rounds((of_weights(y[:40], x), of_weights(y[30:], z)), 2)) == 2
    assert len(rounds((of_weights(y[30:], x), of_weights(y[:40], z)), 2)) == 2
    assert len(rounds((of_weights(y[:40], x), of_weights(y[40:], z)), 2)) == 1
    unknown = of_weights(z, y)._replace(writes_out=False)
    assert len(rounds((of_weights(matrix(), x), unknown), 2)) == 2


def test_a_round_has_no_more_tasks_than_fit() -> None:
    g = matrix()
    whole = of_weights(matrix(), g, parts=MOST_TASKS)
    found = rounds((whole, of_weights(matrix(), g)), MOST_TASKS)
    assert [len(tasks) for tasks in found] == [MOST_TASKS, 2]


def test_little_work_is_one_task() -> None:
    x, y, z = matrix(), matrix(), matrix()
    chain = [operation("any", (a, b), ROWS, 1, 2, rows=ROWS) for a, b in ((y, x), (z, y))]
    bundle = [operation("any", (a, x), ROWS, 1, 2, writes_out=True) for a in (y, z)]
    assert [[len(task) for task in tasks] for tasks in rounds(chain, 2)] == [[2]]
    assert [[len(task) for task in tasks] for tasks in rounds(bundle, 2)] == [[2]]

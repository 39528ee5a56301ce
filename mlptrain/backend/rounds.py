"""Which operations threads may run at the same time.

A program is a sequence of *rounds*; at the end of each, all threads wait for each other. A round
consists of tasks, each of which one thread runs, whichever is free. Most rounds are one operation,
and its parts are the tasks. Two kinds have more:

- A chain: operations on the same rows. A task runs all of them on its own rows, since an example's
  activations, and their gradients, depend on no other example. Operations in between that need
  all rows, such as the gradients of weights, wait until the chain is done.
- A bundle: operations of which none needs another's result, such as the gradients of all weights.
  The parts of all of them are tasks, so a thread that is done with its share of the first layer's
  gradient goes on with the others.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from mlptrain.backend.operations import GRAIN, Operation, parts_of

LARGE = 1 << 24  # multiplications: about 0.5 ms
MOST_TASKS = 32  # of a round, as program.c has one bit for each

Part = tuple[Operation, int]  # an operation, and which of its parts
Task = list[Part]  # in order


class Use(NamedTuple):
    """What an operation does with an array, which lies in memory from `start` to `stop`."""

    start: int
    stop: int
    is_whole: bool  # each part reads all of it, not only rows of its own
    is_written: bool
    is_later: bool = False  # after the round


def _uses(operation: Operation) -> list[Use]:
    return [
        Use(
            start := array.__array_interface__["data"][0],
            start + array.nbytes,
            is_whole=index in operation.shared,
            is_written=index == 0 or not (operation.writes_out or index in operation.shared),
        )
        for index, array in enumerate(operation.arrays)
        if array is not None
    ]


def _overlap(a: Use, b: Use) -> bool:
    return a.start < b.stop and b.start < a.stop


def rounds(operations: Sequence[Operation], threads: int) -> list[list[Task]]:
    """The rounds of a program that runs the operations on `threads` threads, as tasks."""
    if threads == 1:
        return [[[(each, 0) for each in operations]]]
    done: list[list[Task]] = []
    waiting = [(each, _uses(each)) for each in operations]
    while waiting:
        current, delayed = Round(), []
        for index, each in enumerate(waiting):
            if current.takes(*each):
                continue
            if not current.delays(*each):
                delayed += waiting[index:]
                break
            delayed.append(each)
        waiting = delayed
        done.append(current.tasks(threads))
    return done


class Round:
    """Operations that are a chain or a bundle; a single one is both."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._is_chain = self._is_bundle = True
        self._memory = _Memory()

    def takes(self, new: Operation, uses: Sequence[Use]) -> bool:
        """Add an operation, if the round stays a chain or a bundle. Any may be the first."""
        before = self._operations
        rows = before[0].rows if before else new.rows
        tasks = sum(each.parts for each in before) + new.parts
        fits = self._memory.fits(uses)
        is_chain = (
            self._is_chain
            and fits
            and new.rows == rows > 0
            and new.parts <= max(1, rows // GRAIN)
            and all(map(self._memory.allows_rows, uses))
        )
        is_bundle = (
            self._is_bundle
            and fits
            and new.writes_out
            and tasks <= MOST_TASKS
            and all(map(self._memory.allows, uses))
        )
        if before and not is_chain and not is_bundle:
            return False
        self._is_chain, self._is_bundle = is_chain, is_bundle
        before.append(new)
        self._memory.note(uses)
        return True

    def delays(self, new: Operation, uses: Sequence[Use]) -> bool:
        """Whether an operation can wait until the chain is done; then the chain may go on. A large
        one would find less of what it needs in the caches, and barriers cost it nothing."""
        if not (self._is_chain and new.writes_out and new.work < LARGE and self._memory.fits(uses)):
            return False
        self._memory.note(each._replace(is_later=True) for each in uses)
        return True

    def tasks(self, threads: int) -> list[Task]:
        """What the threads share."""
        many, work = self._operations, sum(each.work for each in self._operations)
        if self._is_chain and len(many) > 1:
            parts = parts_of(work, threads, many[0].rows // GRAIN)
            chain = [_by_rows(each, parts) for each in many]
            return [[(each, part) for each in chain] for part in range(parts)]
        if parts_of(work, threads, threads) == 1:
            return [[(each, 0) for each in many]]
        # those with the most parts first, so that threads find their own parts (program.c)
        ordered = sorted(many, key=lambda each: (-each.parts, -each.work))
        return [[(each, part)] for each in ordered for part in range(each.parts)]


def _by_rows(operation: Operation, parts: int) -> Operation:
    """An operation on rows, in `parts` that are the same rows for each operation."""
    items_per_row = int(operation.bounds[-1]) // operation.rows
    return operation._replace(parts=parts, grain=GRAIN * items_per_row)


class _Memory:
    """What the operations of a round, and delayed ones, do with memory."""

    def __init__(self) -> None:
        self._starts: list[int] = []  # of the arrays, in order; they do not overlap
        self._noted: dict[int, list[Use]] = {}  # the uses of the array that starts there

    def fits(self, uses: Sequence[Use]) -> bool:
        """Whether arrays overlap neither each other nor those noted, unless they are the same."""
        among = all(a[:2] == b[:2] or not _overlap(a, b) for a, b in combinations(uses, 2))
        return among and all(map(self._is_known_or_apart, uses))

    def _is_known_or_apart(self, new: Use) -> bool:
        if new.start in self._noted:
            return self._noted[new.start][0].stop == new.stop
        index = bisect_left(self._starts, new.start)
        near = self._starts[max(0, index - 1) : index + 1]
        return not any(_overlap(self._noted[start][0], new) for start in near)

    def allows(self, new: Use) -> bool:
        """Whether nothing before writes what is used now, or uses what is written now."""
        noted = self._noted.get(new.start, [])
        return not any(new.is_written or each.is_written for each in noted)

    def allows_rows(self, new: Use) -> bool:
        """The same, but one's own rows may be written and used."""
        return not any(
            (each.is_written and (new.is_whole or each.is_later))
            or (new.is_written and (each.is_whole or each.is_later))
            for each in self._noted.get(new.start, [])
        )

    def note(self, uses: Iterable[Use]) -> None:
        for each in uses:
            if each.start not in self._noted:
                insort(self._starts, each.start)
                self._noted[each.start] = []
            self._noted[each.start].append(each)

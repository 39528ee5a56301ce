"""The networks that all contestants train."""

from dataclasses import dataclass
from itertools import pairwise

TRAINING_EXAMPLES = 60_000  # of Fashion-MNIST


@dataclass(frozen=True)
class Row:
    """A network, its batch size, and the length of one turn of training.

    Attributes:
        sizes: inputs, hidden widths, classes.
        batch_size: examples per step.
        examples: training images in a pass, the first ones, shuffled.
        passes: passes per turn; a turn takes about 1 to 2 seconds.
        is_small: whether its products are so small that one core may be faster than all.
    """

    sizes: tuple[int, ...]
    batch_size: int
    examples: int = TRAINING_EXAMPLES
    passes: int = 1
    is_small: bool = False

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch_size:,}"

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return list(pairwise(self.sizes))

    @property
    def steps(self) -> int:
        """Steps in one pass."""
        return -(-self.examples // self.batch_size)


ROWS = {
    1: Row((784, 100, 10), 200, passes=3, is_small=True),
    2: Row((784, 50, 50, 10), 32, is_small=True),
    3: Row((784, 512, 512, 10), 128),
    4: Row((784, 2500, 2000, 1500, 1000, 500, 10), 1000, examples=6000),
}

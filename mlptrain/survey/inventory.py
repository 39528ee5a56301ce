"""What a folder or file holds: its splits, their task, and the facts about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlptrain.config.schema import Config
from mlptrain.data.read_dataset import Lists, read_lists
from mlptrain.data.sources.source import Files
from mlptrain.data.targets import MaskFiles
from mlptrain.errors import DataError
from mlptrain.survey.facts import Looks, copies_in, looks_of
from mlptrain.survey.guess import Guess, chosen, guesses
from mlptrain.survey.layout import Entry, find_splits
from mlptrain.tasks.task import Task


@dataclass(frozen=True)
class Inventory:
    """Attributes:
    entries: the sources of the splits that can be used, as a config names them.
    guess: the task they are for.
    others: the names of other tasks that they fit.
    task: the same, as a definition.
    lists: what each of the sources lists.
    unusable: why other splits cannot be used.
    looks: what the training images are like, if they are files.
    originals: (n,) for each training image file, the first with the same content; None if that
        is not known.
    """

    entries: dict[str, Entry]
    guess: Guess
    others: tuple[str, ...]
    task: Task
    lists: dict[str, Lists]
    unusable: dict[str, str]
    looks: Looks | None
    originals: NDArray[np.int64] | None

    @property
    def train(self) -> Lists:
        """The training examples."""
        return self.lists["train"]

    def different(self) -> NDArray[np.int64]:
        """(strata,) how many different examples each stratum has, as far as copies are known."""
        strata, names = self.train.targets.strata()
        is_first = np.ones(len(strata), bool)
        if self.originals is not None:
            is_first = self.originals == np.arange(len(strata))
        return np.bincount(strata[is_first], minlength=max(1, len(names)))


def take_inventory(path: str, task: str | None) -> Inventory:
    """The inventory of the folder or file `path` for the task named `task`; None: the likeliest.
    Raises DataError."""
    entries = find_splits(path)
    fitting = guesses(Config.model_validate({"data": entries}).data.train.of_split("train"))
    guess = chosen(fitting, task, path)
    if guess.features:
        entries = {split: _with_features(entry, guess) for split, entry in entries.items()}
    config = Config.model_validate({"task": guess.task, "data": entries})
    train = config.data.train.of_split("train")
    lists = {"train": read_lists(train, config.task.reader(None))}
    targets, unusable = lists["train"].targets, {}
    known = None if isinstance(targets, MaskFiles) else config.task.spec(targets)
    for split in entries.keys() - {"train"}:
        source = getattr(config.data, split).of_split(split)
        try:
            lists[split] = read_lists(source, config.task.reader(None, known))
        except DataError as error:
            unusable[split] = str(error)
    content = lists["train"].content
    paths = content.paths() if isinstance(content, Files) else None
    return Inventory(
        {split: entry for split, entry in entries.items() if split in lists},
        guess,
        tuple(each.type for each in fitting if each is not guess),
        config.task,
        lists,
        unusable,
        None if paths is None else looks_of(paths),
        None if paths is None else copies_in(paths),
    )


def _with_features(entry: Entry, guess: Guess) -> Entry:
    return {**entry, "features": list(guess.features)} if isinstance(entry, dict) else entry

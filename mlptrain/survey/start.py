"""`mlptrain init`: from data to a config file and the schema beside it."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from mlptrain import files
from mlptrain.config.describe import json_schema
from mlptrain.errors import UsageError
from mlptrain.survey.draft import SCHEMA, draft
from mlptrain.survey.inventory import take_inventory
from mlptrain.survey.sentences import facts_of
from mlptrain.text import show_path


class Started(NamedTuple):
    """What was found and done.

    Attributes:
        task: its name.
        facts: about the training examples.
        notes: messages for the user.
        written: the files that are new.
    """

    task: str
    facts: list[str]
    notes: list[str]
    written: list[Path]


def write_config(data: str, config: Path, task: str | None) -> Started:
    """Write a config for the folder or file `data` and the `task`, None: the likeliest; and its
    schema, unless there is one. Raises UsageError, and writes nothing, if there is a file named
    `config`; DataError for data that cannot be trained on."""
    if os.path.lexists(config):
        raise UsageError(
            f"{show_path(config)}: is there already, and init overwrites nothing. Name another "
            "file with --output, or remove it."
        )
    found = take_inventory(data, task)
    text = draft(found, config).encode()
    schema = config.parent / SCHEMA
    written = [] if os.path.lexists(schema) else [schema]
    for path in written:
        files.write_whole(path, json.dumps(json_schema(), indent=2).encode() + b"\n")
    files.write_whole(config, text)
    notes = [f"the {split} split is not used: {why}" for split, why in found.unusable.items()]
    return Started(found.task.type, facts_of(found), notes, [config, *written])

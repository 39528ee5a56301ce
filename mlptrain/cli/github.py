"""Annotations, which GitHub Actions shows in a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import os
import re
from collections.abc import Iterator

from mlptrain.errors import ConfigError, GateMissedError, MlptrainError
from mlptrain.text import printable_lines, show_name

MOST = 10  # annotations of a kind; GitHub drops more
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<col>\d+): (?P<message>.+)")


def in_actions() -> bool:
    """Whether this process runs in a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotation(kind: str, message: str, **properties: str) -> str:
    """The line that makes GitHub show `message`, as an "error" or a "warning"."""
    text = _escaped(printable_lines(message))
    about = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {about}::{text}"


def error_annotations(error: MlptrainError) -> Iterator[str]:
    """The annotations for `error`, at most MOST: one for each mistake in a config, at its place."""
    placed = _PLACE.finditer(str(error)) if isinstance(error, ConfigError) else ()
    mistakes = [found.groupdict() for found in placed][:MOST]
    for each in mistakes:
        message, file = each.pop("message"), _in_workspace(each.pop("file"))
        yield annotation("error", message, file=file, **each, title="mlptrain: config")
    if not mistakes:
        what = "gate missed" if isinstance(error, GateMissedError) else "error"
        yield annotation("error", str(error), title=f"mlptrain: {what}")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(show_name(text)).replace(":", "%3A").replace(",", "%2C")


def _in_workspace(file: str) -> str:
    """`file` relative to the repository, as annotations need it."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    return os.path.relpath(file, workspace) if workspace else file

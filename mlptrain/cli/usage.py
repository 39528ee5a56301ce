"""typer's complaints about a command line, in a user's words.

mlptrain predict: --format must be 'table' or 'csv', got 'xml'. See mlptrain
predict --help.
"""

import re
from typing import Any

import typer

from mlptrain.config.wording import any_of, suggestion
from mlptrain.errors import UsageError
from mlptrain.text import show_name

_WORDINGS = (
    (r"Got unexpected extra argument\(s\) \((.*)\)", "unexpected argument {0}"),
    (r"Option '(.*)' requires an argument", "{0} needs a value"),
    (r"Option '(.*)' does not take a value", "{0} takes no value"),
)


def usage_error(error: typer.TyperException) -> UsageError:
    """The error to show for one of typer's."""
    context: Any = getattr(error, "ctx", None)
    command = context.command_path if context else "mlptrain"
    message = error.format_message()
    if message.startswith("Usage: "):  # no arguments at all: the help is the answer
        return UsageError(message)
    worded = show_name(_worded(error, message))
    end = "" if worded.endswith("?") else "."
    return UsageError(f"{command}: {worded}{end} See {command} --help.")


def _worded(error: Any, message: str) -> str:
    """What is wrong and what is allowed. typer's error classes are not public, so they are told
    apart by their attributes."""
    if found := re.match("No such command '(.*?)'", message, re.DOTALL):
        commands = list(error.ctx.command.commands)
        return f"there is no command {found[1]!r}; {suggestion(found[1], commands)}"
    if found := re.match("No such option: (.*)", error.message, re.DOTALL):
        options = [name for each in error.ctx.command.params for name in each.opts if "--" in name]
        return f"there is no option {found[1]}; {suggestion(found[1], [*options, '--help'])}"
    if (parameter := getattr(error, "param", None)) is not None:
        return _wrong_value(error, parameter)
    for pattern, text in _WORDINGS:
        if found := re.match(pattern, message, re.DOTALL):
            return text.format(*found.groups())
    return message.rstrip(".")


def _wrong_value(error: Any, parameter: Any) -> str:
    name = next((each for each in parameter.opts if each.startswith("--")), parameter.metavar)
    if error.__cause__ is None:
        return f"{name} is missing"
    got = f"got {error.__cause__.errors()[0]['input']!r}"
    if choices := re.findall(r"'(\w+)'", error.message.partition(" is not one of ")[2]):
        return f"{name} must be {any_of(choices)}, {got}"
    least = "" if parameter.min is None else f" of at least {parameter.min}"
    return f"{name} must be a whole number{least}, {got}"

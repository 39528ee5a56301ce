"""The pages in docs/reference/, written from the schema and the commands' own help.

python -m tools.reference
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlptrain.cli.app import app
from mlptrain.config.describe import json_schema
from mlptrain.config.schema import Config
from mlptrain.docstrings import docstring
from mlptrain.registry import choices

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
Headings = dict[type[BaseModel], str]

KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
}
BAR = r"\|"  # in a cell
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}

CONFIG_PAGE = """# Config reference

Every key of a config file, with its type and range, its default and its meaning. [The config
file](../config.md) explains how the keys work together. `mlptrain train CONFIG --print-config`
prints this for your own config, and `mlptrain schema` prints the JSON Schema for your editor.

Where a key takes a choice, such as an optimizer, write its name, or a mapping with `type` and
settings: `sgd`, or `{type: sgd, momentum: 0.9}`.
"""
COMMAND_LINE_PAGE = """# Command line

What each command prints with `--help`. [Reliability](../reliability.md#exit-codes) explains the
exit codes.
"""


def pages() -> dict[str, str]:
    """The content of each page, by its file name."""
    return {"config.md": config_page(), "command-line.md": command_line_page()}


def config_page() -> str:
    """The mappings, in the order in which a reader of a config meets them, then the choices."""
    schema = json_schema()
    described = {"Config": schema, **schema["$defs"]}
    headings = sections()
    links = {
        each.__name__: link(model, heading)
        for model, heading in headings.items()
        for each in choices(model) or (model,)
    }
    parts = [CONFIG_PAGE]
    for model, heading in sorted(headings.items(), key=lambda section: bool(choices(section[0]))):
        parts.append(f"## {heading}\n")
        for each in choices(model) or (model,):
            if choices(model):
                parts.append(f"### `{each.model_fields['type'].default}`\n")
            parts.append(f"{escaped(docstring(each))}\n")
            parts.append(table(each, described[each.__name__]["properties"], links))
    return "\n".join(filter(None, parts))


def sections() -> Headings:
    """The models that a config is made of, with the headings of their sections: of a mapping, the
    path of its key; of a choice, the plural of its base class's name."""
    headings: Headings = {}

    def visit(model: type[BaseModel], path: str) -> None:
        if model in headings:
            return
        name = model.__name__
        plural = f"{name}{'es' if name.endswith('s') else 's'}"
        headings[model] = plural if choices(model) else f"`{path}`" if path else "The whole file"
        for part in choices(model) or (model,):
            for key, field in part.model_fields.items():
                for each in models_of(field.annotation):
                    visit(each, f"{path}.{key}".lstrip("."))

    visit(Config, "")
    return headings


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models, or base classes of choices, that `annotation` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_of(part)


def table(model: type[BaseModel], properties: dict[str, Any], links: dict[str, str]) -> str:
    """The settings of `model`, a row each; nothing if it has none."""
    rows = []
    for key, field in model.model_fields.items():
        if key != "type":
            meaning = escaped(" ".join((field.description or "").split()))
            cells = (f"`{key}`", meaning, any_of(kinds(properties[key], links)), default(field))
            rows.append(f"| {' | '.join(each.replace('|', BAR) for each in cells)} |")
    if not rows:
        return ""
    return "\n".join(["| key | meaning | type | default |", "|---|---|---|---|", *rows, ""])


def kinds(schema: dict[str, Any], links: dict[str, str]) -> Iterator[str]:
    """The values that a JSON Schema allows. `links` stand for what it refers to."""
    match schema:
        case {"$ref": reference}:
            yield links[reference.rpartition("/")[2]]
        case {"anyOf": parts}:
            for each in parts:
                yield from kinds(each, links)
        case {"const": value}:
            yield f"`{value}`"
        case {"enum": values, "type": _}:
            yield from (f"`{value}`" for value in values)
        case {"enum": _}:
            pass  # the names of choices, which the links lead to
        case {"type": "array", "items": items}:
            yield f"list of {any_of(kinds(items, links))}"
        case {"type": "object", "additionalProperties": dict(values)}:
            yield f"mapping of names to {any_of(kinds(values, links))}"
        case {"type": "null"}:
            yield "`null`"
        case {"type": name}:
            bounds = [f"{sign} {number(schema[b])}" for b, sign in BOUNDS.items() if b in schema]
            yield f"{KINDS[name]} {' and '.join(bounds)}".strip()


def any_of(kinds: Iterable[str]) -> str:
    *others, last = dict.fromkeys(kinds)
    return " or ".join(filter(None, (", ".join(others), last)))


def number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def default(field: FieldInfo) -> str:
    """The default of a key as one writes it; nothing if it is a mapping, which has its own."""
    if field.is_required():
        return "required"
    if isinstance(field.default, BaseModel):
        name = getattr(field.default, "type", None)
        return f"`{name}`" if name else ""
    return f"`{written(field.default)}`" if field.default != "" else ""


def written(value: Any) -> str:
    """A value as YAML."""
    match value:
        case tuple():
            return f"[{', '.join(map(written, value))}]"
        case bool() | None:
            return json.dumps(value)
    return str(value)


def link(model: type[BaseModel], heading: str) -> str:
    anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    return f"[{model.__name__.lower() if choices(model) else heading}](#{anchor})"


def escaped(text: str) -> str:
    """`text` with what Markdown would obey escaped, except in `code`."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", r"\*").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def command_line_page() -> str:
    names = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    parts = [COMMAND_LINE_PAGE]
    for name in ["", *names]:
        title = f"mlptrain {name}".strip()
        parts.append(f"## {title}\n\n```text\n{help_of(*name.split())}```\n")
    return "\n".join(parts)


def help_of(*command: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    return subprocess.run(
        [sys.executable, "-m", "mlptrain", *command, "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")

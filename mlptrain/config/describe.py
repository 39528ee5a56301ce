"""The config as YAML with every default filled in, and as a JSON Schema for editors."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlptrain.config.fields import models_in, type_names
from mlptrain.config.scalars import scalar_of
from mlptrain.config.schema import Config, ModelConfig
from mlptrain.registry import needs_a_key

COMMENT_COLUMN = 40  # comments start here at most; a longer line pushes its own right
MAX_OPTIONS = 60  # room for allowed values in a comment

_PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.+-]*( [A-Za-z0-9_/.+-]+)*")
_YAML_1_1 = {"y", "n", "yes", "no", "on", "off"}  # other readers parse these as booleans


class Line(NamedTuple):
    """One line of the file, and its comment."""

    text: str
    comment: str = ""


def resolved_yaml(config: Config) -> str:
    """`config` with every default filled in and a comment per key. It loads as an equal config."""
    return joined(list(_section(config)))


def joined(lines: Sequence[Line]) -> str:
    """`lines` as a file, their comments below each other."""
    column = max(len(text) for text, _ in lines if len(text) <= COMMENT_COLUMN) + 2
    return "".join(
        f"{text:<{column - 2}}  # {comment}\n" if comment else f"{text}\n"
        for text, comment in lines
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a config file."""
    schema = _for_editors(Config.model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mlptrain config",
        **schema,
    }


def _section(model: BaseModel, options: str = "") -> Iterator[Line]:
    """The keys of `model`, its `type`, one of `options`, first."""
    fields = type(model).model_fields
    for name in sorted(fields, key=lambda name: name != "type"):
        value = getattr(model, name)
        if isinstance(model, ModelConfig) and value is None:
            continue  # belongs to the unused form
        if fields[name].exclude:
            continue  # for files alone
        if name == "type":
            yield Line(f"type: {value}", options)
        else:
            yield from _entry(name, value, fields[name])


def _entry(name: str, value: object, field: FieldInfo) -> Iterator[Line]:
    """`name: value` on one line if it fits, else with the content of `value` indented below."""
    description = " ".join((field.description or "").split())
    if (inline := _inline(value)) is not None:
        yield Line(f"{name}: {inline}", _with_options(description, field))
        return
    yield Line(f"{name}:", description)
    for text, comment in _block(value, " | ".join(type_names(models_in(field.annotation)))):
        yield Line(f"  {text}", comment)


def _block(value: object, options: str) -> Iterator[Line]:
    """The lines below a key whose value does not fit beside it."""
    if isinstance(value, BaseModel):
        yield from _section(value, options)
    elif isinstance(value, Mapping):
        yield from (Line(f"{scalar_text(key)}: {scalar_text(each)}") for key, each in value.items())
    elif isinstance(value, Sequence):
        for item in value:
            inline = _inline(item)
            lines = [Line(inline)] if inline is not None else _section(item, options)
            for number, (text, comment) in enumerate(lines):
                yield Line(f"{'  ' if number else '- '}{text}", comment)


def _inline(value: object) -> str | None:
    """`value` as written beside its key, or None if it needs a block."""
    if isinstance(value, BaseModel):
        alone = set(type(value).model_fields) == {"type"} and not needs_a_key(type(value))
        return getattr(value, "type") if alone else None  # noqa: B009
    if isinstance(value, Mapping):
        return None if value else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(isinstance(item, BaseModel) for item in value):
            return None
        text = f"[{', '.join(map(scalar_text, value))}]"
        return text if len(text) <= COMMENT_COLUMN else None
    return scalar_text(value)


def _with_options(description: str, field: FieldInfo) -> str:
    """`description`, followed by the names allowed as the value unless it lists them itself."""
    alone = tuple(model for model in models_in(field.annotation) if not needs_a_key(model))
    names = _literals(field.annotation) or type_names(alone)
    options = " | ".join(names)
    if len(options) > MAX_OPTIONS or all(name in description for name in names):
        return description
    return f"{description}: {options}"


def _literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return [name for part in get_args(annotation) for name in _literals(part)]


def scalar_text(value: object) -> str:
    """`value` as YAML 1.2, written so that YAML 1.1 readers parse it the same way."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            mantissa, e, exponent = repr(value).partition("e")
            return mantissa + (".0" if e and "." not in mantissa else "") + e + exponent
        case str() | Path():
            return _string(str(value))
    return str(value)


def _string(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _YAML_1_1
    if plain and isinstance(scalar_of(text), str):
        return text
    quoted = "".join(map(_escaped, json.dumps(text, ensure_ascii=False)))
    return quoted.replace("##[", r"\x23#[")  # see `text.printable`


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"


def _for_editors(schema: Any) -> Any:
    """`schema` without two things that pydantic adds: titles made from field names, and `oneOf`,
    which is wrong because a path alone fits several sources."""
    if isinstance(schema, list):
        return [_for_editors(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not _is_noise(key, value)}
    return {"anyOf" if key == "oneOf" else key: _for_editors(kept[key]) for key in kept}


def _is_noise(key: str, value: object) -> bool:
    return key == "discriminator" or (key == "title" and isinstance(value, str))

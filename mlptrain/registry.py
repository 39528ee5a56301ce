"""Name -> definition: what a YAML choice can be.

A *definition* is a frozen pydantic model. Its fields are the keys a user may write, with their
types, bounds, defaults and descriptions; its `type` field holds its name. Validation, JSON Schema,
`--print-config` comments and documentation all come from that one class:

    @optimizers.register
    class SGD(Optimizer):
        "Stochastic gradient descent."
        type: Literal["sgd"] = "sgd"
        momentum: Annotated[float, Field(ge=0, lt=1, description="...")] = 0.0

    optimizers["sgd"] is SGD
"""

from collections.abc import Iterator
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, Union, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
)
from pydantic_core import CoreSchema

from mlptrain.docstrings import docstring

BRANCH = "\0"  # begins the parts of an error's location that name a branch, not a key


class Definition(BaseModel):
    """One thing the user can describe in YAML: immutable, strict about types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["description"] = docstring(cls)
        return schema


D = TypeVar("D", bound=Definition)
T = TypeVar("T", bound=Definition)


class Registry(Generic[D]):
    """The definitions of one kind, by name, in the order they were registered."""

    def __init__(self, kind: str, part_of: "Registry[Any] | None" = None) -> None:
        self.kind = kind
        self._part_of = part_of
        self._definitions: dict[str, type[D]] = {}

    def register(self, definition: type[T]) -> type[T]:
        """Class decorator: file `definition` under the default of its `type` field."""
        name = definition.model_fields["type"].default
        if name in self._definitions:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._definitions[name] = cast(type[D], definition)
        if self._part_of is not None:
            self._part_of.register(definition)
        return definition

    def __getitem__(self, name: str) -> type[D]:
        return self._definitions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def definitions(self) -> tuple[type[D], ...]:
        """All definitions, in the order of their names in `iter`."""
        return tuple(self._definitions.values())

    def choice(self) -> Any:
        """The pydantic type of a choice: one of the definitions, written as a name or a mapping
        with `type`. Any other name is an error of type `unknown_choice`."""
        branches = tuple(
            Annotated[definition, Tag(BRANCH + name)]
            for name, definition in self._definitions.items()
        )
        alone = tuple(name for name, each in self._definitions.items() if not needs_a_key(each))
        return Annotated[
            Union[branches],  # noqa: UP007
            _Choice(self.kind, alone),
            BeforeValidator(_mapping_of_name),
        ]


class _Choice(NamedTuple):
    """Tells pydantic how a choice is validated and described; those in `alone` need no key besides
    their `type`."""

    kind: str
    alone: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        discriminator = Discriminator(
            _branch,
            custom_error_type="unknown_choice",
            custom_error_message="unknown {kind}",
            custom_error_context={"kind": self.kind},
        )
        return discriminator.__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        mappings = handler(schema)
        names = [{"enum": list(self.alone)}] if self.alone else []
        branches = mappings.get("oneOf", [mappings])
        return {"anyOf": [*names, *({**branch, "required": ["type"]} for branch in branches)]}


def needs_a_key(definition: type[BaseModel]) -> bool:
    """Whether a user who chooses `definition` has to write more than its name."""
    return any(field.is_required() for field in definition.model_fields.values())


def _mapping_of_name(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


def _branch(value: object) -> str | None:
    """The tag of the branch that validates, or dumps, `value`."""
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return BRANCH + name if isinstance(name, str) else None

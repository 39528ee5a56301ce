"""Name -> definition: what a YAML choice can be.

A *definition* is a frozen pydantic model. Its fields are the keys a user may write, with their
types, bounds, defaults and descriptions; its `type` field holds its name. Validation, JSON Schema,
`--print-config` comments and documentation all come from that one class:

    @optimizers.register
    class SGD(MiniBatchOptimizer):
        "Stochastic gradient descent."
        type: Literal["sgd"] = "sgd"
        momentum: Annotated[float, Field(ge=0, lt=1, description="...")] = 0.0

    optimizers["sgd"] is SGD

A field of type `Optimizer` then takes any of `optimizers`, written as a name or as a mapping with
`type`. The registry is consulted at validation, so definitions may be added later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from mlptrain.docstrings import docstring
from mlptrain.errors import DefinitionError

BRANCH = "\0"  # begins the parts of an error's location that name a branch, not a key
_REGISTRIES: "dict[type[BaseModel], Registry[Any]]" = {}  # by the class each is `of`


class Definition(BaseModel):
    """One thing the user can describe in YAML: immutable, strict about types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        registry = _REGISTRIES.get(cls)
        if registry is None:
            return handler(source)
        return core_schema.with_info_plain_validator_function(registry.validate)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if cls in _REGISTRIES:
            return _REGISTRIES[cls].json_schema(handler)
        described = handler(schema)
        handler.resolve_ref_schema(described)["description"] = docstring(cls)
        return described


D = TypeVar("D", bound=Definition)
T = TypeVar("T", bound=Definition)


class Registry(Generic[D]):
    """The definitions of one kind, all derived from the class `of`, by name, in the order they were
    registered. They are definitions of `part_of`, too."""

    type_is_required: ClassVar[bool] = True  # in a mapping that stands for a definition
    text_is_name: ClassVar[bool] = True  # where text stands for a definition

    def __init__(
        self, kind: str, of: type[Definition], part_of: "Registry[Any] | None" = None
    ) -> None:
        self.kind = kind
        self._of = of
        self._part_of = part_of
        self._definitions: dict[str, type[D]] = {}
        self._is_described = False
        _REGISTRIES[of] = self
        of.model_rebuild(force=True)  # as a choice

    def register(self, definition: type[T]) -> type[T]:
        """Class decorator: file `definition` under the default of its `type` field. Raises
        DefinitionError if the name is taken or the class lacks something."""
        name = self._name(definition)
        if name in self._definitions:
            raise DefinitionError(
                f"there is {self.kind} {name!r} already; name this one differently"
            )
        self._definitions[name] = cast(type[D], definition)
        if self._part_of is not None:
            self._part_of.register(definition)
        return definition

    def _name(self, definition: type[Definition]) -> str:
        if not issubclass(definition, self._of):
            raise DefinitionError(f"{definition.__name__} does not derive from {self._of.__name__}")
        field = definition.model_fields.get("type")
        if field is None or not isinstance(field.default, str):
            name = f'"{definition.__name__.lower()}"'
            raise DefinitionError(
                f"{definition.__name__} lacks its name in YAML, type: Literal[{name}] = {name}"
            )
        needed = {*definition.__abstractmethods__, *definition.__class_vars__}
        if lacking := sorted(each for each in needed if _is_missing(definition, each)):
            raise DefinitionError(f"{definition.__name__} lacks {', '.join(lacking)}")
        return field.default

    def __getitem__(self, name: str) -> type[D]:
        return self._definitions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def definitions(self) -> tuple[type[D], ...]:
        """All definitions, in the order of their names in `iter`."""
        return tuple(self._definitions.values())

    def spelled_out(self, value: object) -> object:
        """What a user may write for a definition, as the mapping it stands for."""
        return {"type": value} if isinstance(value, str) else value

    def short_forms(self) -> list[dict[str, Any]]:
        """The JSON Schema of what may be written instead of a mapping."""
        names = [name for name, each in self._definitions.items() if not needs_a_key(each)]
        return [{"enum": names}] if names else []

    def validate(self, value: object, info: ValidationInfo) -> object:
        """The definition that `value` stands for, or is. Raises pydantic's ValidationError, with
        the branch in the errors' locations; an unknown name is an error of type
        `unknown_choice`."""
        value = self.spelled_out(value)
        name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
        definition = self._definitions.get(name) if isinstance(name, str) else None
        if definition is None:
            kind = self.kind if self.type_is_required else "type"
            raise PydanticCustomError("unknown_choice", "unknown {kind}", {"kind": kind})
        return _branch(definition).validate_python(value, context=info.context)

    def json_schema(self, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON Schema of a choice among the definitions. One of these may hold the same choice
        (a layer of layers), which then is only referred to."""
        schema = _referred_to if self._is_described else _referable
        branches = {name: schema(each) for name, each in self._definitions.items()}
        before, self._is_described = self._is_described, True
        try:
            described = handler(core_schema.tagged_union_schema(branches, str))["oneOf"]
        finally:
            self._is_described = before
        required = {"required": ["type"]} if self.type_is_required else {}
        return {"anyOf": [*self.short_forms(), *({**each, **required} for each in described)]}


def _reference(definition: type[BaseModel]) -> str:
    """What pydantic calls a model that several schemas refer to."""
    return f"{definition.__module__}.{definition.__qualname__}:{id(definition)}"


def _referable(definition: type[BaseModel]) -> CoreSchema:
    return {**definition.__pydantic_core_schema__, "ref": _reference(definition)}


def _referred_to(definition: type[BaseModel]) -> CoreSchema:
    return core_schema.definition_reference_schema(_reference(definition))


def _is_missing(definition: type[Definition], name: str) -> bool:
    """Whether `name`, which a class above declares, was left to the definition and is not there."""
    return getattr(
        getattr(definition, name, None), "__isabstractmethod__", not hasattr(definition, name)
    )


def registered() -> set[type[Definition]]:
    """All definitions of all kinds."""
    return {each for registry in _REGISTRIES.values() for each in registry.definitions()}


@contextmanager
def rolled_back_on_error() -> Iterator[None]:
    """A context that unregisters everything registered in it if an error ends it."""
    before = {registry: dict(registry._definitions) for registry in _REGISTRIES.values()}
    try:
        yield
    except BaseException:
        for registry, definitions in before.items():
            registry._definitions = definitions
        raise


def choices(of: type[BaseModel]) -> tuple[type[Definition], ...]:
    """What a field of type `of` takes: the definitions of its registry, if it has one."""
    registry = _REGISTRIES.get(of)
    return registry.definitions() if registry else ()


def needs_a_key(definition: type[BaseModel]) -> bool:
    """Whether the name of `definition` alone does not suffice, because it has required settings or
    text would stand for something else."""
    registries = (_REGISTRIES[each] for each in definition.__mro__ if each in _REGISTRIES)
    return any(field.is_required() for field in definition.model_fields.values()) or not all(
        registry.text_is_name for registry in registries
    )


@cache
def _branch(definition: type[Definition]) -> SchemaValidator:
    """A validator that puts the name of the definition into the locations of errors."""
    tag = BRANCH + definition.model_fields["type"].default
    branches = {tag: definition.__pydantic_core_schema__}
    return SchemaValidator(core_schema.tagged_union_schema(branches, lambda _: tag))

"""Docstrings that are shown to users: help texts and the schema's descriptions."""

import ast
import inspect
import textwrap
from typing import Any


def docstring(thing: Any) -> str:
    """The docstring of a class or function; `python -OO` leaves it in the source file alone."""
    if thing.__doc__:
        return inspect.cleandoc(thing.__doc__)
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    assert isinstance(definition, ast.ClassDef | ast.FunctionDef)
    return ast.get_docstring(definition) or ""

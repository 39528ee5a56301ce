"""Plug-ins: the user's own files, whose definitions work like those of mlptrain.

Only this module runs code from a file, and only from files that the user named on the command line
or in a config. Models trained with plug-ins record their names and digests, so that another version
is noticed; reading that record runs nothing.
"""

import hashlib
import sys
import traceback
from importlib.abc import ExecutionLoader
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path

from mlptrain.errors import ConfigError, DefinitionError
from mlptrain.paths import read_file
from mlptrain.registry import registered, rolled_back_on_error
from mlptrain.text import show_name, show_path

MAX_BYTES = 1 << 20
_LOADED: dict[str, tuple[str, str]] = {}  # name of the file -> its path and digest


class _Loader(ExecutionLoader):
    """Runs `data`, the bytes that were digested, and leaves no bytecode beside the file."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path, self._data = path, data

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_source(self, fullname: str) -> str:
        return decode_source(self._data)


def load_plugin(path: str) -> None:
    """Run the file `path`, once in this process, for what it registers.

    Raises UnreadableError, and ConfigError, with the line, if the file cannot be run."""
    data = read_file(path, MAX_BYTES)
    name, digest = Path(path).name, hashlib.sha256(data).hexdigest()
    if name in _LOADED:
        if _LOADED[name][1] == digest:
            return
        raise ConfigError(
            f"{show_path(path)}: is the second plug-in of this name, after "
            f"{show_path(_LOADED[name][0])}. Rename one of them."
        )
    loader = _Loader(path, data)
    spec = spec_from_file_location(f"mlptrain_plugin_{Path(path).stem}", path, loader=loader)
    assert spec is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    before = registered()
    try:
        with rolled_back_on_error():
            loader.exec_module(module)
            if registered() == before:
                raise DefinitionError("registers nothing; decorate a class, as @layers.register")
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise ConfigError(_located(path, error)) from None
    _LOADED[name] = path, digest


def loaded_plugins() -> dict[str, str]:
    """The digest of each plug-in of this process by the name of its file."""
    return {name: digest for name, (_, digest) in _LOADED.items()}


def at_fault(error: Exception) -> str | None:
    """`file:line` of the plug-in whose code raised `error`, if one did."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if any(frame.filename == path for path, _ in _LOADED.values()):
            return f"{show_path(frame.filename)}:{frame.lineno}"
    return None


def suspects() -> str:
    """The plug-ins of this process as the end of "a bug in mlptrain", since their mistakes can also
    surface in mlptrain's code; "" without any."""
    names = " or ".join(map(show_name, _LOADED))
    return f" or in the plug-in {names}" if names else ""


def _located(path: str, error: BaseException) -> str:
    """What is wrong with the plug-in `path`, which raised `error`, and in which line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == path]
    what = str(error).partition("\n")[0]
    if isinstance(error, SyntaxError) and error.filename in (path, None):
        lines, what = [error.lineno], error.msg
    elif not isinstance(error, DefinitionError):
        what = f"{type(error).__name__}: {what}" if what else type(error).__name__
    where = f"{show_path(path)}:{lines[-1]}" if lines and lines[-1] else show_path(path)
    return f"{where}: {show_name(what).removesuffix('.')}."

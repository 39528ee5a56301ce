"""The rules of the code itself, read from its source: who imports whom, who writes files, what is
never used, how long things are, what is documented."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mlptrain
from mlptrain.registry import Registry

PACKAGE = Path(mlptrain.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 40

# a part may import those of a higher number; those of one number do not import each other
ORDER = ["__main__", "api", "cli sklearn", "comparison export report survey", "training"]
ORDER += ["config", "tasks", "nn optim data"]
ORDER += ["functions"]
ORDER += ["autodiff plugins"]
ORDER += ["backend registry errors files paths system text docstrings shared"]
LEVELS = {name: level for level, names in enumerate(ORDER) for name in names.split()}
BESIDE = {("registry", "docstrings"), ("registry", "errors"), ("backend", "text")}
BESIDE |= {
    (name, "errors") for name in ("backend", "files", "paths")
}  # below them on the lowest level
BESIDE |= {("backend", "shared"), ("files", "system"), ("files", "text"), ("paths", "text")}

ONLY_IN = {
    "rich": {
        "cli/findings.py",
        "cli/live.py",
        "cli/tables.py",
        "cli/training_view.py",
        "cli/view.py",
    },
    "yaml": {"config/"},
    "PIL": {"data/images/"},
    "safetensors": {"training/checkpoint.py", "export/torch.py", "export/read_torch.py"},
    "onnx": {"export/onnx.py"},
    "h5py": {"export/keras.py", "export/read_keras.py"},
    "typer": {"cli/app.py", "cli/command.py", "cli/commands/", "cli/options.py", "cli/usage.py"},
}
NEVER = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}

WRITING_CALLS = {
    *("mkdir", "makedirs", "unlink", "rmdir", "removedirs", "rmtree", "rename", "renames"),
    *("write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "symlink", "ftruncate"),
    *("chmod", "mknod", "mkfifo", "copyfile", "copytree", "copy2", "pwrite", "writev"),
    *("savez", "savez_compressed", "savetxt", "tofile", "memmap", "save_file", "open_memmap"),
    *("utime", "fallocate", "posix_fallocate", "copy_file_range", "sendfile", "pwritev"),
    *(
        "mkstemp",
        "mkdtemp",
        "NamedTemporaryFile",
        "TemporaryFile",
        "TemporaryDirectory",
        "mktemp",
    ),
}
ON_MODULES = {  # names that other objects have, too: calls only if on these modules
    "remove": {"os"},
    "copy": {"shutil"},
    "move": {"shutil"},
    "link": {"os"},
    "dump": {"json", "yaml", "pickle"},
    "save": {"np", "numpy", "image", "Image"},
    "write": {"os"},
    "truncate": {"os"},
}


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def show(path: Path, node: Any = None) -> str:
    name = path.relative_to(PACKAGE).as_posix()
    return f"{name}:{node.lineno}" if node else name


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(module: ast.Module) -> list[ast.AST]:
    return list(ast.walk(module))


def imports(module: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every module imported anywhere in the file: at the top, in functions, for types only."""
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def points_down(importer: str, imported: str) -> bool:
    if importer == imported or (importer, imported) in BESIDE:
        return True
    return LEVELS[imported] > LEVELS[importer]


def wrong_imports(module: ast.Module, importer: str, file: str) -> list[str]:
    found = []
    for node, name in imports(module):
        top, _, rest = name.partition(".")
        inner = rest.partition(".")[0]
        if top == "mlptrain" and inner in LEVELS and not points_down(importer, inner):
            found.append(f"{file}:{node.lineno}: {importer} imports {inner}")
        allowed = ONLY_IN.get(top)
        folder = file.rpartition("/")[0] + "/"
        if allowed and not allowed & {file, folder}:
            found.append(f"{file}:{node.lineno}: {top} belongs in {', '.join(sorted(allowed))}")
        if top in NEVER:
            found.append(f"{file}:{node.lineno}: {top}")
    return found


def test_every_part_has_its_level() -> None:
    assert {part(path) for path in FILES} - {"__init__"} == set(LEVELS)


@pytest.mark.parametrize("path", FILES, ids=show)
def test_imports_point_down_and_libraries_stay_in_their_place(path: Path) -> None:
    if part(path) != "__init__":
        assert wrong_imports(tree(path), part(path), show(path)) == []


@pytest.mark.parametrize(
    ("source", "importer", "file"),
    [
        ("import mlptrain.cli.app", "training", "training/trainer.py"),
        ("from mlptrain.nn.model import Model", "optim", "optim/updater.py"),
        ("from mlptrain import data", "nn", "nn/model.py"),
        ("def f():\n    from mlptrain.training.run import Run", "config", "config/load.py"),
        ("if TYPE_CHECKING:\n    from mlptrain.optim import x", "autodiff", "autodiff/tape.py"),
        ("from mlptrain.files import write_whole", "errors", "errors.py"),
        ("from rich.text import Text", "cli", "cli/app.py"),
        ("import yaml", "training", "training/run.py"),
        ("from PIL import Image", "training", "training/run.py"),
        ("import safetensors.numpy", "nn", "nn/model.py"),
        ("import pickle", "files", "files.py"),
    ],
)
def test_a_wrong_import_is_found(source: str, importer: str, file: str) -> None:
    assert len(wrong_imports(ast.parse(source), importer, file)) == 1


def writes(module: ast.Module) -> Iterator[ast.Call]:
    """Calls that open something for writing or change what is on disk."""
    for node in nodes(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            named = isinstance(node.func, ast.Name)
            name = node.func.id if named else node.func.attr
            if _writes(node, name, "" if named else _last_name(node.func.value)):
                yield node


def _writes(call: ast.Call, name: str, on: str) -> bool:
    """Whether the call of `name`, an attribute of `on` or of nothing, writes."""
    in_memory = bool(call.args) and ast.unparse(call.args[0]) == "buffer"
    if in_memory or ast.unparse(call.func) == "safetensors.numpy.save":
        return False  # gives bytes
    if name in {"open", "fdopen", "File", "FileIO", "GzipFile", "ZipFile"}:
        words = [a.value for a in ast.walk(call) if isinstance(a, ast.Constant)]
        flags = {a.attr for a in ast.walk(call) if isinstance(a, ast.Attribute)}
        mode = any(re.fullmatch(r"[rbt]*[wax+][bt+]*", w) for w in words if isinstance(w, str))
        creates = flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"}
        return on != "null" and (mode or bool(creates))
    if name == "mmap":
        return all(ast.unparse(k.value) != "mmap.ACCESS_READ" for k in call.keywords)
    if name == "replace":  # a path's has one argument, a string's two
        return on == "os" or (len(call.args) == 1 and not call.keywords)
    if name in ON_MODULES:
        return on in ON_MODULES[name]
    return name in WRITING_CALLS and on not in {"files", "system"}


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Call(func=ast.Name(id=name)):
            return "null" if ast.unparse(node) == "Path(os.devnull)" else name
    return ""


OTHERS = [path for path in FILES if part(path) not in {"files", "system"}]


@pytest.mark.parametrize("path", OTHERS, ids=show)
def test_only_files_py_writes_files(path: Path) -> None:
    assert [f"{show(path, call)}: {ast.unparse(call)}" for call in writes(tree(path))] == []


def test_what_it_writes_with_is_seen() -> None:
    names = {ast.unparse(call.func) for call in writes(tree(PACKAGE / "system.py"))}
    assert {"os.mkdir", "os.write", "os.replace", "os.ftruncate", "os.unlink"} <= names


@pytest.mark.parametrize(
    "source",
    [
        "open(p, 'w')", "open(p, mode='ab')", "path.open('x')", "open(p, 'r+b')",
        "io.open(p, 'wt')", "os.open(p, os.O_WRONLY | os.O_CREAT)",
        "os.open(p, flags=os.O_RDWR)", "os.fdopen(d, 'wb')", "gzip.open(p, 'wb')",
        "path.write_text(t)", "path.write_bytes(b)", "Path(p).mkdir()", "os.makedirs(p)",
        "path.unlink()", "os.remove(p)", "path.rename(q)", "os.replace(p, q)", "path.replace(q)",
        "np.save(p, a)", "numpy.savez(p, a)", "a.tofile(p)", "shutil.copy(p, q)",
        "tempfile.mkstemp()", "NamedTemporaryFile()", "shutil.move(p, q)", "path.touch()",
        "shutil.rmtree(p)", "json.dump(x, f)", "image.save(p)", "h5py.File(p, 'w')",
        "safetensors.numpy.save_file(x, p)", "os.utime(p)", "mmap.mmap(d, 0)",
        "mmap.mmap(d, 0, access=mmap.ACCESS_WRITE)",
    ],
)  # fmt: skip
def test_a_planted_write_is_found(source: str) -> None:
    assert len(list(writes(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "open(p)",
        "open(p, 'rb')",
        "s.replace('a', 'b')",
        "x.copy()",
        "json.dumps(x)",
        "image.save(buffer, format='PNG')",
        "zipfile.ZipFile(buffer, 'w')",
        "os.open(p, f)",
        "Path(os.devnull).open('w')",
        "mmap.mmap(d, 0, access=mmap.ACCESS_READ)",
    ],
)
def test_reading_is_no_writing(source: str) -> None:
    assert list(writes(ast.parse(source))) == []


LOOKING_CALLS = {"is_dir", "is_file", "exists", "iterdir", "glob", "rglob", "stat", "lstat", "walk"}
LOOKING_CALLS |= {"isdir", "isfile", "listdir", "scandir", "resolve", "samefile", "is_symlink"}
LOOKING = {"paths.py", "data/sources/listing.py", "data/loading/cache.py", "files.py"}
LOOKING |= {"data/sources/arguments.py"}


@pytest.mark.parametrize("path", [path for path in FILES if show(path) not in LOOKING], ids=show)
def test_who_looks_at_a_path_has_its_errors_in_hand(path: Path) -> None:
    """Everyone else uses `paths.py`."""
    calls = [node for node in nodes(tree(path)) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute)]
    assert [show(path, call) for call in named if call.func.attr in LOOKING_CALLS] == []


RUNNING_CALLS = {"exec_module", "load_module", "import_module", "run_path", "run_module"}
RUNNING_CALLS |= {"module_from_spec", "spec_from_loader", "spec_from_file_location"}
RUNNING_CALLS |= {"source_to_code", "get_code", "exec_code", "interact", "runsource"}


@pytest.mark.parametrize("path", FILES, ids=show)
def test_nothing_is_executed_from_data(path: Path) -> None:
    for node in nodes(tree(path)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in {"eval", "exec", "compile", "__import__"}, show(path, node)
            if name.rpartition(".")[2] in RUNNING_CALLS:
                assert show(path) == "plugins.py", show(path, node)
            assert not re.fullmatch(r"yaml\.\w*load\w*", name), show(path, node)
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle":
                    assert ast.unparse(keyword.value) == "False", show(path, node)
            if name in {"np.load", "numpy.load"}:
                assert any(k.arg == "allow_pickle" for k in node.keywords), show(path, node)


@pytest.mark.parametrize("path", FILES, ids=show)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


def definitions(module: ast.Module) -> Iterator[tuple[str, Any, ast.ClassDef | None]]:
    """Functions, methods and classes outside functions: qualified name, node, class around it."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node, None
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            yield from ((f"{node.name}.{each.name}", each, node) for each in methods)


def code_lines(function: Any) -> int:
    """The lines of a function's body, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", FILES, ids=show)
def test_functions_are_short(path: Path) -> None:
    functions = [node for node in nodes(tree(path)) if isinstance(node, ast.FunctionDef)]
    long = [f"{f.name} {code_lines(f)}" for f in functions if code_lines(f) > MAX_FUNCTION_LINES]
    assert long == []


def undocumented(path: Path) -> Iterator[str]:
    """Public names without a docstring. What the docstring around it describes needs none of its
    own (errors.py draws its classes as a tree), nor does a method that a class above declares."""
    module_doc = ast.get_docstring(tree(path)) or ""
    name = ".".join(("mlptrain", *path.relative_to(PACKAGE).with_suffix("").parts))
    loaded = import_module(name.removesuffix(".__init__"))
    if not module_doc:
        yield show(path)
    for qualified, node, owner in definitions(tree(path)):
        if any(word.startswith("_") for word in qualified.split(".")) or ast.get_docstring(node):
            continue
        around = module_doc if owner is None else ast.get_docstring(owner) or ""
        if re.search(rf"(`|─ ){node.name}\b|^\s*{node.name}:", around, re.MULTILINE):
            continue
        if owner is not None:
            bases = getattr(loaded, owner.name).__mro__[1:]
            if any(node.name in (*vars(b), *vars(b).get("__annotations__", {})) for b in bases):
                continue
        yield f"{show(path, node)}: {qualified}"


@pytest.mark.parametrize("path", FILES, ids=show)
def test_what_is_public_is_documented(path: Path) -> None:
    assert list(undocumented(path)) == []


def test_every_registered_definition_is_documented() -> None:
    registries = {
        each
        for path in FILES
        if path.name not in {"__init__.py", "__main__.py"}
        for each in vars(import_module(f"mlptrain.{show(path)[:-3].replace('/', '.')}")).values()
        if isinstance(each, Registry)
    }
    assert {r.kind for r in registries} >= {"function", "layer", "optimizer", "initializer", "loss"}
    for registry in registries:
        for definition in registry.definitions():
            assert "__doc__" in vars(definition), definition
            assert definition.__doc__, definition

"""The kernels built for any processor: vector instructions as C, the one that multiplies bfloat16
by SIMDe (Debian's libsimde-dev), and those of AMX by portable_amx.h."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import mlptrain
from mlptrain.backend import compiled

SOURCES = Path(mlptrain.__file__).parent / "backend/csrc"
HEADER = "#include <simde/x86/avx512/dpbf16.h>"


def build(folder: Path) -> Path:
    """Build them in `folder`. Skips without GCC or SIMDe."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no GCC here to build kernels for any processor")
    look = [gcc, "-E", "-x", "c", "-"]
    if subprocess.run(look, input=HEADER.encode(), capture_output=True, check=False).returncode:
        pytest.skip("no SIMDe here (libsimde-dev) to compute what the processor cannot")
    options = ["-O0", "-w", "-Wno-psabi", "-DPORTABLE", "-shared", "-fPIC", "-pthread"]
    options.append(f"-I{Path(__file__).parent}")
    path, sources = folder / "portable.so", map(str, sorted(SOURCES.glob("*.c")))
    subprocess.run([gcc, *options, *sources, "-lm", "-o", str(path)], check=True)
    return path


@contextmanager
def portable_kernels(folder: Path) -> Iterator[None]:
    """A context in which a compiled backend has these kernels."""
    spec = ModuleSpec("_kernels", None, origin=str(build(folder)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "find_spec", lambda _: spec)
        compiled._library.cache_clear()
        yield
    compiled._library.cache_clear()

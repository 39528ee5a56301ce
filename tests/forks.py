"""The command line in forks of one process that has imported everything: such a run starts in some
0.02 s, where a process of its own takes a second of imports.

What a process of its own could show beyond that, some tests look at with `subprocess`: imports,
locales, shells.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
HANGS = 600  # seconds: beyond, a process is taken to hang, however busy the machine is
SERVER = "FORK_SERVER"  # names the descriptor of the server that a parent process has
_REQUEST_BYTES = 1 << 17


class Forked:
    """A run of the command line with `arguments`, or of the source text `program` with these in
    sys.argv. `out` and `err` are descriptors for what it prints, else files for `communicate`."""

    def __init__(
        self,
        arguments: Sequence[str | bytes | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        program: str | None = None,
        stdin: bytes | int = b"",
        out: int | None = None,
        err: int | None = None,
        umask: int = -1,
    ) -> None:
        self.returncode: int | None = None
        self._texts = {"out": "", "err": ""}
        streams = {"out": out, "err": err}
        missing = [name for name, descriptor in streams.items() if descriptor is None]
        self._printed = {name: tempfile.TemporaryFile() for name in missing}  # noqa: SIM115
        self._end, status = socket.socketpair(type=socket.SOCK_SEQPACKET)
        request = {
            "arguments": [os.fsdecode(each) for each in arguments],
            "program": program,
            "cwd": str(cwd),
            "env": dict(env),
            "umask": umask,
        }
        with tempfile.TemporaryFile() as given, status:
            if isinstance(stdin, bytes):
                given.write(stdin)
                given.seek(0)
                stdin = given.fileno()
            streams |= {name: file.fileno() for name, file in self._printed.items()}
            message = json.dumps(request).encode()
            socket.send_fds(server(), [message], [stdin, *streams.values(), status.fileno()])
        self.pid = int(self._line())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self.poll() is None:
            self.kill()
        self.communicate()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            return self.wait()
        return self.returncode

    def wait(self) -> int:
        """The exit code, as soon as there is one."""
        if self.returncode is None:
            self.returncode = int(self._line())
            self._end.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self) -> tuple[str, str]:
        """Wait for the end; what it printed on stdout and stderr, where these are not elsewhere."""
        self.wait()
        for stream, file in self._printed.items():
            if not file.closed:
                file.seek(0)
                self._texts[stream] = file.read().decode()
                file.close()
        return self._texts["out"], self._texts["err"]

    def _line(self) -> bytes:
        self._end.settimeout(HANGS)
        return self._end.recv(20)


@cache
def server() -> socket.socket:
    """The process to fork from, one for all tests of this one; it ends when this one does."""
    if SERVER in os.environ:
        return socket.socket(fileno=int(os.environ[SERVER]))
    here, there = socket.socketpair(type=socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, __file__, str(there.fileno())],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        pass_fds=[there.fileno()],
    )
    there.close()

    def close() -> None:
        here.close()
        process.wait()

    atexit.register(close)
    return here


def _serve(requests: socket.socket) -> None:
    """Run what is asked for until nobody is left to ask."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 4)
        if not request:
            return
        if os.fork() == 0:  # to wait for the run's end
            requests.close()
            _run(json.loads(request), descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        while _reaped():
            pass


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _run(request: dict[str, Any], descriptors: list[int]) -> None:
    *streams, status = descriptors
    child = os.fork()
    if child:
        for descriptor in streams:
            os.close(descriptor)
        os.write(status, b"%d" % child)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(status, b"%d" % code)
        os._exit(0)
    os.close(status)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if request["umask"] >= 0:
        os.umask(request["umask"])
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    code = _exit_code(request["arguments"], request["program"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the interpreter's usual end takes longer than all the rest


def _exit_code(arguments: list[str], program: str | None) -> int:
    try:
        if program is None:
            sys.argv = ["mlptrain", *arguments]
            import_module("mlptrain.__main__").main()
        else:
            sys.argv = ["-c", *arguments]
            exec(program, {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _import_everything() -> None:
    for path in (ROOT / "mlptrain").rglob("*.py"):
        if path.name != "__init__.py":
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    import_module("numpy.ma")  # which numpy.unique imports
    gc.freeze()


if __name__ == "__main__":
    _import_everything()
    _serve(socket.socket(fileno=int(sys.argv[1])))

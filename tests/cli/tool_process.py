"""The tool as a process, its output redirected or on a terminal."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forks import HANGS, ROOT, Forked

COMMAND = (sys.executable, "-m", "mlptrain")
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Ended:
    """A process that is over."""

    code: int
    out: str
    err: str


def environment(changes: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """A plain user's environment: no CI, no colour wishes."""
    unset = {"CI", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"}
    unset |= {"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {
        **kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **changes
    }  # fmt: skip


def run(
    *arguments: str | bytes | Path,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] = NOTHING,
    program: str | None = None,
    command: Sequence[str] | None = None,
) -> Ended:
    """Run the tool with its output redirected, in a fork, or the source text `program` there; with
    a `command`, that, in a process of its own."""
    if command is None:
        forked = Forked(arguments, cwd=cwd, env=environment(env), program=program, stdin=stdin)
        printed = forked.communicate()
        return Ended(forked.wait(), *printed)
    ended = subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        input=stdin,
        env=environment(env),
        capture_output=True,
        timeout=HANGS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def run_on_terminal(
    *arguments: str | Path,
    cwd: Path,
    columns: int = 100,
    env: Mapping[str, str] = NOTHING,
    redirect: Mapping[str, Path] | None = None,
    program: str | None = None,
) -> Ended:
    """Run the tool on a terminal, which `out` is what it received; streams named in `redirect` go
    to files instead."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with contextlib.ExitStack() as stack:
        files = (redirect or {}).items()
        streams = {name: stack.enter_context(path.open("wb")).fileno() for name, path in files}
        process = Forked(
            arguments,
            cwd=cwd,
            env=environment(env),
            program=program,
            stdin=slave,
            out=streams.get("stdout", slave),
            err=streams.get("stderr", slave),
        )
    os.close(slave)
    received = drain(master)
    process.communicate()
    return Ended(process.wait(), received.decode(), "")


def drain(master: int) -> bytes:
    """All that a terminal still receives; closes it."""
    received = bytearray()
    with contextlib.suppress(OSError):  # EIO: nobody writes to the terminal any more
        while part := os.read(master, 65536):
            received += part
    os.close(master)
    return bytes(received)


def control_characters(text: str) -> set[str]:
    """What a log file must not contain."""
    return {c for c in text if (ord(c) < 0x20 and c != "\n") or ord(c) == 0x7F}

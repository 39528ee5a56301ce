"""Shell scripts that use the command line."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from forks import ROOT, SERVER, server

NOTHING: Mapping[str, str] = {}


def run_in_shell(
    script: str, *arguments: Path, cwd: Path, forked: bool, env: Mapping[str, str] = NOTHING
) -> "subprocess.CompletedProcess[str]":
    """Run a bash script; `stdout` has what it prints, on stderr, too. `python` is the one that runs
    the tests. `mlptrain` is its command, or, if `forked`, a fork that trains on one thread: for a
    script that sends the command no signals, and does not show how it starts."""
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    settings = {**os.environ, **env}
    descriptors = []
    if forked:
        path.insert(0, str(ROOT / "tests" / "forked"))
        descriptors.append(server().fileno())
        settings |= {SERVER: str(server().fileno()), "MLPTRAIN_SET__training__threads": "1"}
    return subprocess.run(
        ["bash", "-c", script, *arguments],
        cwd=cwd,
        env={**settings, "PATH": os.pathsep.join(path)},
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

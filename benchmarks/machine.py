"""What the results depend on besides the code: machine, operating system, versions, BLAS."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.worker import ROOT
from mlptrain.backend.cores import usable_cores
from mlptrain.training.environment import environment

PEERS = ("scikit-learn", "torch", "keras", "jax", "jaxlib")


def machine() -> dict[str, str]:
    """Facts by name; no host name, no path."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    facts = {
        "processor": f"{_processor()}, {usable_cores()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{system}, Linux {platform.release()}",
    }
    ours = {name: value for name, value in environment().items() if name != "machine"}
    return facts | ours | {name: version(name) for name in PEERS}


def commit() -> str:
    """The short hash of the measured commit, with "+" if files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

"""How many cores this process may use."""

import os
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """The number of cores that this process may run on, or its container's CPU quota if that is
    lower; at least 1. The quota is rounded down, because all threads wait for a throttled one.
    Linux lists it in the file system below `root` (man 7 cgroups)."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, int(min(cores, _quota(root))))


def _quota(root: Path) -> float:
    """The lowest quota of the control groups that contain this process, in cores; inf: none."""
    quota = float("inf")
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "cpu", "cpu,cpuacct"):
            continue
        mount = root / "sys/fs/cgroup" / controllers
        folder = mount / group.strip("/")
        # in a container the path may be the host's; the container's own group is then at the mount
        for each in (folder, *folder.parents):
            if each.is_relative_to(mount):
                quota = min(quota, _limit(each))
    return quota


def _limit(folder: Path) -> float:
    """The CPU quota of the control group at `folder` (version 2 or 1), in cores; inf: none."""
    both = _text(folder / "cpu.max").split()
    if not both:
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        both = " ".join(_text(folder / name) for name in files).split()
    try:
        time, period = map(int, both)
    except ValueError:  # no such files, or "max": no limit
        return float("inf")
    return time / period if time > 0 and period > 0 else float("inf")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""

"""The number of cores a process may use: affinity, and the quota of its control group."""

import os
from pathlib import Path

import pytest

from mlptrain.backend.cores import usable_cores

CORES = len(os.sched_getaffinity(0))


def system(root: Path, group: str, files: dict[str, str]) -> Path:
    """A file system that says this process is in `group`, with `files` below sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": group, **files}.items():
        path = root / name if name.startswith("proc") else root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_without_control_groups_affinity_decides(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == CORES


def test_affinity_is_honoured(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000", CORES), ("100000 100000", 1), ("150000 100000", 1), ("50000 100000", 1),
        ("1000000000 100000", CORES), ("200000 100000", min(2, CORES)), ("rubbish", CORES),
        ("0 0", CORES),
    ],
)  # fmt: skip
def test_the_quota_of_version_2(tmp_path: Path, limit: str, cores: int) -> None:
    assert usable_cores(system(tmp_path, "0::/", {"cpu.max": limit})) == cores


@pytest.mark.parametrize("at", ["cpu.max", "a/cpu.max", "a/b/cpu.max"])
def test_enclosing_groups_count(tmp_path: Path, at: str) -> None:
    files = dict.fromkeys(("cpu.max", "a/cpu.max", "a/b/cpu.max"), "max 100000")
    assert usable_cores(system(tmp_path, "0::/a/b", {**files, at: "100000 100000"})) == 1
    assert usable_cores(system(tmp_path, "0::/a/b", files)) == CORES


def test_a_container_that_sees_the_path_of_its_host(tmp_path: Path) -> None:
    assert usable_cores(system(tmp_path, "0::/docker/abc", {"cpu.max": "100000 100000"})) == 1


def test_the_quota_of_version_1(tmp_path: Path) -> None:
    group = "4:memory:/x\n3:cpu,cpuacct:/x\n0::/"
    files = {
        "cpu,cpuacct/x/cpu.cfs_quota_us": "100000",
        "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
    }
    assert usable_cores(system(tmp_path, group, files)) == 1
    files["cpu,cpuacct/x/cpu.cfs_quota_us"] = "-1"
    assert usable_cores(system(tmp_path, group, files)) == CORES

"""Who may write to which run folder, and what is in it."""

import csv
import io
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from forks import HANGS
from tiny_runs import (
    ENVIRONMENT,
    FINAL,
    ON_FOREIGN_FILE_SYSTEM,
    broken,
    differing,
    make_project,
    mlptrain,
    start,
    strict_json,
    wait_until,
)

from mlptrain.training import checkpoint

pytestmark = pytest.mark.slow

LONG = ("--set", "training.epochs=1000000", "--set", "training.early_stopping=null")
HOLDER = rf"pid \d+ on {re.escape(socket.gethostname())}, since 20\d\d-\d\d-\d\dT[\d:]+\+00:00"


def test_what_is_in_it(reference: Path) -> None:
    assert {path.name for path in reference.iterdir()} == {*FINAL, ".lock"}
    rows = list(csv.DictReader((reference / "split.csv").read_text().splitlines()))
    counts = Counter(row["split"] for row in rows)
    assert counts == {"train": 18, "validation": 6, "test": 10}
    assert counts == strict_json((reference / "summary.json").read_text())["examples"]
    assert len({(row["split"] == "test", row["name"]) for row in rows}) == 34


def project_with_manifests(place: Path) -> Path:
    """A project whose config lies in a folder of its own, and whose data has manifests, too."""
    config = make_project(place)
    (place / "configs").mkdir()
    config.rename(place / "configs" / "tiny.yaml")
    for split in ("train", "test"):
        images = sorted((place / "data" / split).rglob("*.png"))
        rows = [f"{split}/{path.parent.name}/{path.name},{path.parent.name}" for path in images]
        (place / "data" / f"{split}.csv").write_text("\n".join(("filepath,label", *rows)))
    return place


RELATIVE, ABSOLUTE = "../data/SPLIT", "HERE/data/SPLIT"
MANIFEST = "{type: csv, path: ./x/../../data/SPLIT.csv}"


@pytest.mark.parametrize(
    ("run", "data"),
    [
        *[(run, RELATIVE) for run in ("a", "runs/deeper/a", "../elsewhere/a", "link/a")],
        *[(run, MANIFEST) for run in ("../elsewhere/a", "link/a")],
        *[(run, ABSOLUTE) for run in ("runs/deeper/a", "link/a")],
    ],
)
def test_its_config_trains_the_same_again_where_it_lies(
    tmp_path: Path, data: str, run: str
) -> None:
    """Bit for bit; also when project and run have moved together, if the paths were relative."""
    project = project_with_manifests(tmp_path / "here" / "project")
    (tmp_path / "here" / "another disk" / "deep").mkdir(parents=True)
    (project / "link").symlink_to("../another disk/deep")
    places = {split: data.replace("SPLIT", split) for split in ("train", "test")}
    places = {split: place.replace("HERE", str(project)) for split, place in places.items()}
    settings = [
        "seed=5",
        "training.epochs=2",
        *(f"data.{s}={place}" for s, place in places.items()),
    ]
    sets = [part for each in settings for part in ("--set", each)]
    mlptrain(project, "train", "configs/tiny.yaml", "--run-dir", run, *sets)
    folder = (project / run).resolve()
    summary = strict_json((folder / "summary.json").read_text())
    assert (summary["config"], summary["set"]) == ("configs/tiny.yaml", settings)
    if "HERE" not in data:
        assert str(tmp_path) not in (folder / "config.yaml").read_text()
        (tmp_path / "here").rename(tmp_path / "there")
        folder = tmp_path / "there" / folder.relative_to(tmp_path / "here")
    for cwd, config in ((folder, "config.yaml"), (tmp_path, str(folder / "config.yaml"))):
        again = folder.parent / f"again from {cwd.name}"
        mlptrain(cwd, "train", config, "--run-dir", str(again))
        assert bits(again / "best.safetensors") == bits(folder / "best.safetensors")
        assert bits(again / "last.safetensors") == bits(folder / "last.safetensors")
        for name in ("config.yaml", "split.csv"):
            assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def bits(path: Path) -> dict[str, bytes]:
    """All arrays of a checkpoint."""
    saved = checkpoint.load(path)
    arrays = {**saved.parameters, **saved.optimizer, **saved.layer_state}
    return {name: array.tobytes() for name, array in arrays.items()}


def test_of_four_at_once_one_trains(project: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ("train", "tiny.yaml", "--run-dir", str(run), *LONG)
    processes = [start(project, *arguments) for _ in range(4)]
    wait_until(lambda: sum(process.poll() is None for process in processes) == 1)
    wait_until((run / "last.safetensors").exists)
    late = [start(project, *arguments), start(project, *arguments, "--resume")]
    refused = [process for process in processes if process.poll() is not None] + late
    for process in refused:
        errors = process.communicate()[1]
        assert process.returncode == 7, errors
        assert re.search(HOLDER, errors), errors
        assert "Traceback" not in errors
    (winner,) = set(processes) - set(refused)
    winner.send_signal(signal.SIGTERM)
    errors = winner.communicate()[1]
    assert winner.returncode == 143, errors


def test_the_lock_dies_with_the_process(project: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(project, "train", "tiny.yaml", "--run-dir", str(run), *LONG) as process:
        wait_until((run / "last.safetensors").exists)
        process.kill()
    arguments = ("--run-dir", str(run), "--resume", "--set", "training.early_stopping=null")
    with start(project, "train", "tiny.yaml", *arguments, *LONG) as process:
        before = (run / "metrics.jsonl").stat().st_size
        wait_until(lambda: (run / "metrics.jsonl").stat().st_size > before)
        process.kill()


def test_simultaneous_starts_number_their_own_folders(tmp_path: Path) -> None:
    make_project(tmp_path)
    processes = [start(tmp_path, "train", "tiny.yaml") for _ in range(6)]
    for process in processes:
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    runs = sorted((tmp_path / "runs").iterdir())
    assert [run.name for run in runs] == [f"tiny-{i:03d}" for i in range(1, 7)]
    assert all(differing(run, runs[0]) == [] for run in runs)


def test_a_folder_with_anything_in_it_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    arguments = ("train", "tiny.yaml", "--run-dir", str(tmp_path))
    ended = mlptrain(project, *arguments, code=7)
    assert "exists already and is not empty" in ended.stderr
    assert "--resume" not in ended.stderr  # there is no run to go on with
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_a_run_writes_is_utf_8(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for split in ("train", "test"):
        data = tmp_path / "data" / split
        (data / "0").rename(data / 'é, "\n')
        (data / "1").rename(os.fsdecode(os.fsencode(data) + b"/\xe9"))
    mlptrain(tmp_path, "train", project.name, "--run-dir", "run")
    table = (tmp_path / "run/split.csv").read_text("utf-8")
    labels = {row["label"] for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert labels == {'é, "\n', "\\xe9"}
    summary = strict_json((tmp_path / "run/summary.json").read_text("utf-8"))
    assert set(summary["names"]) == labels


def test_a_fresh_volume_takes_a_run(project: Path, tmp_path: Path) -> None:
    for name in ("lost+found", ".Trash-1000", "System Volume Information", "@eaDir"):
        (tmp_path / name).mkdir()
    (tmp_path / "lost+found").chmod(0)
    (tmp_path / ".DS_Store").touch()
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(tmp_path))
    assert (tmp_path / "summary.json").exists()


@pytest.mark.parametrize("name", [*sorted(FINAL), ".lock"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_plain_files_are_written(
    project: Path, reference: Path, tmp_path: Path, name: str, kind: str
) -> None:
    run, victim = tmp_path / "run", tmp_path / "victim"
    shutil.copytree(reference, run)
    (run / name).replace(victim)
    before = victim.read_bytes()
    if kind == "link":
        (run / name).symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(run / name)
    else:
        (run / name).mkdir()
    resume = ("train", "tiny.yaml", "--run-dir", str(run), "--resume")
    with start(project, *resume, "--set", "training.epochs=6") as process:
        errors = process.communicate()[1]
    assert process.returncode in (4, 6), errors
    assert name in errors
    assert victim.read_bytes() == before


def test_a_link_for_a_temporary_file_is_not_followed(
    project: Path, reference: Path, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "run").mkdir()
    for name in FINAL:
        (tmp_path / "run" / f".{name}.tmp").symlink_to(tmp_path / "victim")
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(tmp_path / "run"), "--resume")
    assert (tmp_path / "victim").read_text() == "precious"
    assert differing(tmp_path / "run", reference) == []


def test_the_run_folder_itself_may_be_a_link(
    project: Path, reference: Path, tmp_path: Path
) -> None:
    (tmp_path / "large disk").mkdir()
    (tmp_path / "run").symlink_to("large disk")
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(tmp_path / "run"))
    assert differing(tmp_path / "large disk", reference) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_umask_decides_who_may_read(project: Path, tmp_path: Path, umask: int, mode: int) -> None:
    arguments = ("train", "tiny.yaml", "--run-dir", str(tmp_path / "run"))
    with start(project, *arguments, umask=umask) as process:
        process.communicate()
    assert process.returncode == 0
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()} == {mode}


def mounted(
    project: Path, folder: Path, options: str, script: str
) -> subprocess.CompletedProcess[str]:
    """Run a shell script with a file system of its own at folder/disk; `train` trains there."""
    (folder / "disk").mkdir()
    tool = (sys.executable, "-m", "mlptrain")
    train = shlex.join([*tool, "train", "tiny.yaml", "--run-dir", f"{folder}/disk/run"])
    command = (
        f'train() {{ {train} "$@"; }}\n'
        f"mount -t tmpfs -o {options} disk {folder}/disk && {{ {script}\n}}"
    )
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )


needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="needs the right to make a mount namespace",
)


@needs_mounts
@pytest.mark.parametrize("size", [4, 12, 20, 28, 36])
def test_a_full_disk_stops_the_run_and_more_room_lets_it_go_on(
    project: Path, tmp_path: Path, reference: Path, size: int
) -> None:
    disk = tmp_path / "disk"
    ended = mounted(
        project,
        tmp_path,
        f"size={size}k",
        f"train; echo code $?; cp -r {disk}/run {tmp_path}/before\n"
        f"mount -o remount,size=1m {disk}\n"
        f"train --resume; echo code $?; cp -r {disk}/run {tmp_path}/after",
    )
    first, second = re.findall(r"code (\d+)", ended.stdout)
    assert (first, second) == ("6", "0"), ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert "disk/run" in ended.stderr
    assert "are free" in ended.stderr
    assert broken(tmp_path / "before", reference) == []
    assert differing(tmp_path / "after", reference) == []


@needs_mounts
def test_a_read_only_folder_is_an_error_of_the_file_system(project: Path, tmp_path: Path) -> None:
    ended = mounted(project, tmp_path, "ro", "train")
    assert ended.returncode == 6, ended.stderr
    assert "disk/run: could not be written: Read-only file system." in ended.stderr


def test_a_file_system_without_locks_and_durable_folders_is_trained_on(
    project: Path, tmp_path: Path, reference: Path
) -> None:
    run = tmp_path / "run"
    for resume in ([], ["--resume"]):
        arguments = ("train", "tiny.yaml", "--run-dir", str(run), *resume)
        with start(project, *arguments, program=ON_FOREIGN_FILE_SYSTEM) as process:
            errors = process.communicate()[1]
        assert process.returncode == 0, errors
        assert "run: this file system has no locks; make sure that no other " in errors
        assert len(errors.splitlines()) == 1 + len(resume)
    assert differing(run, reference) == []


@pytest.mark.parametrize("parent", ["/proc/none", "tiny.yaml"])
def test_where_no_folder_can_be_made(project: Path, parent: str) -> None:
    ended = mlptrain(project, "train", "tiny.yaml", "--run-dir", f"{parent}/run", code=6)
    assert parent in ended.stderr


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (6144, 6144))
from mlptrain.cli.app import main
main()
"""


def test_a_limit_on_file_sizes_is_an_error_of_the_file_system(
    project: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = ("train", "tiny.yaml", "--run-dir", str(run))
    with start(project, *arguments, program=LIMITED) as process:
        errors = process.communicate()[1]
    assert process.returncode == 6, errors
    assert "best.safetensors: could not be written: File too large" in errors
    assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]


def test_a_run_folder_removed_under_way(project: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(project, "train", "tiny.yaml", "--run-dir", str(run), *LONG) as process:
        wait_until((run / "last.safetensors").exists)
        run.rename(tmp_path / "moved")
        errors = process.communicate()[1]
    assert process.returncode == 6, errors
    assert "No such file or directory" in errors
    assert "Traceback" not in errors

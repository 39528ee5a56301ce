import re
import shutil
from pathlib import Path

import pytest
from tool_process import control_characters, run, run_on_terminal

from mlptrain.backend.cores import usable_cores

ROW = re.compile(r" {0,4}\d+( +\d+\.\d{4}){4} +\d\.\d\de-\d\d +\d+\.\d\d s(  best)?")
WIPED = re.compile(r"\r|\x1b\[2K")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def visible(text: str) -> list[str]:
    """The lines a terminal received, without its control sequences."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [ESCAPES.sub("", WIPED.split(line)[-1]) for line in lines]


# The tool that draws its live line at every occasion, which there is after each step.
LIVELY = """
from mlptrain.cli import live
from mlptrain.training import descent
live.REFRESH_SECONDS = descent.CALL_SECONDS = 0
from mlptrain.cli.app import main
main()
"""


def bars(text: str, what: str) -> list[str]:
    """The live lines of `what`, from their bars on."""
    return re.findall(what + r"  (━[━╸╺]+  [^\r\n]+)", ESCAPES.sub("", text))


def table_of(text: str) -> list[str]:
    """The lines below the header: titles, rows, and how it ended."""
    lines = text.splitlines()
    return lines[next(i for i, line in enumerate(lines) if line.startswith("epoch ")) :]


def test_redirected_training_writes_titles_rows_and_what_to_do_next(project: Path) -> None:
    ended = run("train", "tiny.yaml", cwd=project)
    assert (ended.code, ended.err) == (0, "")
    titles, *rows, blank, done, test, following = table_of(ended.out)
    assert blank == ""
    assert titles.split() == [
        "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "time"
    ]  # fmt: skip
    assert len(rows) == 3
    assert all(ROW.fullmatch(row) for row in rows)
    assert {len(row.removesuffix("  best")) for row in rows} == {len(titles)}
    assert re.fullmatch(r"done     3 epochs   weights of epoch \d kept \(val_loss .*\)", done)
    assert re.fullmatch(
        r"test     accuracy \d\.\d{4} \(95 % interval .*, n = 24\)   majority class 0\.333", test
    )
    assert following == (
        "next     mlptrain eval runs/tiny-001   mlptrain predict IMAGE --model runs/tiny-001"
    )


@pytest.mark.parametrize(
    "env", [{}, {"CI": "1", "FORCE_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}]
)
def test_a_log_file_gets_no_control_characters(project: Path, env: dict[str, str]) -> None:
    ended = run("train", "tiny.yaml", cwd=project, env=env, program=LIVELY)
    assert ended.code == 0
    assert control_characters(ended.out + ended.err) == set()
    assert len(table_of(ended.out)) == 8


@pytest.mark.parametrize(
    "env", [{"CI": "1", "FORCE_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb", "FORCE_COLOR": "1"}]
)
def test_a_terminal_nobody_watches_gets_rows_only(project: Path, env: dict[str, str]) -> None:
    ended = run_on_terminal("train", "tiny.yaml", cwd=project, env=env, program=LIVELY)
    assert ended.code == 0
    assert control_characters(ended.out.replace("\r\n", "\n")) == set()
    assert len(table_of(ended.out)) == 8


def header_of(text: str) -> list[str]:
    return text[: text.index("\nepoch ") + 1].splitlines()


@pytest.mark.parametrize("terminal", [False, True])
def test_data_run_and_network_stand_above_the_epochs(project: Path, terminal: bool) -> None:
    if terminal:
        ended = run_on_terminal("train", "tiny.yaml", cwd=project, columns=200)
    else:
        ended = run("train", "tiny.yaml", cwd=project)
    assert ended.code == 0
    data, computing, *network = header_of("\n".join(visible(ended.out)))
    assert data == "data     data/train   3 classes   8×8×1   train 36 · validation 12 · test 24"
    assert re.fullmatch(
        r"run      runs/tiny-001   3 epochs   batch size 8   seed 0   \d+ threads?, \w+ kernels   "
        r"\S.*",
        computing,
    )
    assert network == [
        "",
        "layer             shape       parameters",
        "input             8×8×1 → 64",
        "dense_1  relu     64 → 16          1,040",
        "output   softmax  16 → 3              51",
        "                                   1,091",
        "",
    ]


def test_a_log_and_a_terminal_get_the_same_lines(project: Path) -> None:
    varies = re.compile(r"\d+\.\d\d s|tiny-\d+")
    log = run("train", "tiny.yaml", cwd=project).out
    seen = "\n".join(visible(run_on_terminal("train", "tiny.yaml", cwd=project, columns=200).out))
    assert varies.sub("", seen) == varies.sub("", log)


def test_a_command_to_paste_is_never_broken(project: Path) -> None:
    folder = "runs/" + 8 * "long-name-"
    ended = run_on_terminal("train", "tiny.yaml", "--run-dir", folder, cwd=project, columns=62)
    assert f"next     mlptrain eval {folder}\r\n" in ended.out
    assert f"         mlptrain predict IMAGE --model {folder}\r\n" in ended.out


def test_a_live_bar_runs_while_reading_and_within_the_epoch(project: Path) -> None:
    ended = run_on_terminal("train", "tiny.yaml", cwd=project, program=LIVELY)
    assert bars(ended.out, "train")[-1].endswith("  48/48 images")
    assert bars(ended.out, "test")[-1].endswith("  24/24 images")
    within = [bar.split("  ")[1:] for bar in bars(ended.out, "epoch 2/3")]
    within = within[:5]  # the row of the epoch is printed above the last one again
    assert [step for step, *_ in within] == [f"step {i}/5" for i in range(1, 6)]
    _, loss, best, left = within[-1]
    assert re.fullmatch(r"loss \d\.\d{4}", loss)
    assert re.fullmatch(r"up to \d+:\d\d left", left)
    lines = visible(ended.out)
    first = next(line for line in lines if line.endswith("best")).split()
    assert best == f"best {first[3]} (epoch 1)"
    assert not any("━" in line for line in lines), "a bar was not wiped"
    titles = next(i for i, line in enumerate(lines) if line.startswith("epoch "))
    assert all(ROW.fullmatch(line) for line in lines[titles + 1 : titles + 4]), lines
    assert ended.out.rindex("\x1b[?25h") > ended.out.rindex("\x1b[?25l"), "the cursor stays hidden"


def test_colour_can_be_switched_off(project: Path) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3\dm")
    assert colour.search(run_on_terminal("train", "tiny.yaml", cwd=project).out)
    plain = run_on_terminal("train", "tiny.yaml", cwd=project, env={"NO_COLOR": "1"})
    assert not colour.search(plain.out)
    assert "best" in plain.out


@pytest.mark.parametrize("columns", [62, 80, 88, 100, 200])
def test_no_line_is_wider_than_the_terminal(project: Path, columns: int) -> None:
    ended = run_on_terminal("train", "tiny.yaml", cwd=project, columns=columns)
    lines = visible(ended.out)
    command = "         mlptrain predict IMAGE --model runs/tiny-001"
    assert max(len(line) for line in lines if line != command) <= columns
    assert ("next     mlptrain eval runs/tiny-001" in lines) == (columns <= 80)
    assert any("train_accuracy" in line for line in lines) == (columns >= 88)
    assert sum(line.startswith("    ") and line[4:5].isdigit() for line in lines) == 3


def test_with_stdout_redirected_the_bar_is_on_stderr(project: Path) -> None:
    rows = project / "rows"
    ended = run_on_terminal(
        "train", "tiny.yaml", cwd=project, redirect={"stdout": rows}, program=LIVELY
    )
    text = rows.read_text()
    assert control_characters(text) == set()
    assert text.startswith("data ")
    assert len(table_of(text)) == 8
    assert bars(ended.out, r"epoch \d/3")
    assert "val_loss" not in ended.out


def test_with_stderr_redirected_everything_is_on_the_terminal(project: Path) -> None:
    notes, images = project / "notes", project / "data/train/left"
    shutil.copy(images / "000.png", images / "copy.png")
    ended = run_on_terminal(
        "train", "tiny.yaml", cwd=project, redirect={"stderr": notes}, program=LIVELY
    )
    (copies,) = notes.read_text().splitlines()
    assert "1 of 49 images is a copy of another" in copies
    assert "val_loss" in ended.out
    assert bars(ended.out, r"epoch \d/3")


def test_without_validation_and_test_there_are_no_columns_and_no_line_for_them(
    project: Path,
) -> None:
    ended = run(
        "train", "tiny.yaml", "--set", "data.validation=null", "--set", "data.test=null",
        "--set", "training.epochs=1", "--run-dir", "my runs/1", cwd=project,
    )  # fmt: skip
    titles, _, _, done, following = table_of(ended.out)
    assert titles.split() == ["epoch", "train_loss", "train_accuracy", "learning_rate", "time"]
    assert done.startswith("done     1 epoch   weights of epoch 1 kept (train_loss ")
    assert following == "next     mlptrain predict IMAGE --model 'my runs/1'"


def test_more_threads_than_cores_are_a_warning(project: Path) -> None:
    cores = usable_cores()
    few = ("--set", "training.epochs=1", "--set", "training.threads=1024")
    ended = run("train", "tiny.yaml", *few, cwd=project)
    assert re.fullmatch(
        rf"warning: training.threads is 1024, but this process may use {cores} cores?; it computes "
        rf"with {cores} threads?\n",
        ended.err,
    )
    assert f"   {cores} thread" in ended.out


def test_a_resume_that_finds_nothing_says_so_on_both_streams(project: Path) -> None:
    train = ("train", "tiny.yaml", "--run-dir", "run", "--set", "training.epochs=1", "--resume")
    first, second = (run(*train, cwd=project) for _ in range(2))
    assert first.err == (
        "warning: nothing to resume: run holds no saved state; training starts from the beginning\n"
    )
    assert "run      run   nothing to resume   1 epoch " in first.out
    assert second.err == "nothing to resume: run is finished, after 1 epoch\n"
    assert "run      run   finished before   1 epoch " in second.out
    assert "train_loss  " not in second.out, "titles of an empty table"


def test_early_stopping_is_explained(project: Path) -> None:
    stopping = "training.early_stopping={monitor: val_accuracy, patience: 2, min_delta: 0.9}"
    ended = run("train", "tiny.yaml", "--set", "training.epochs=50", "--set", stopping, cwd=project)
    assert re.search(
        r"\nstopped  at epoch 3: val_accuracy not better than \d\.\d{4} for 2 epochs   "
        r"weights of epoch 1 kept\n",
        ended.out,
    )


def test_print_config_is_a_config_with_every_default_and_writes_nothing(project: Path) -> None:
    first = run("train", "tiny.yaml", "--print-config", "--set", "training.epochs=7", cwd=project)
    assert (first.code, first.err) == (0, "")
    assert re.search(r"^  epochs: 7", first.out, re.MULTILINE)
    (project / "again.yaml").write_text(first.out)
    assert run("train", "again.yaml", "--print-config", cwd=project).out == first.out
    assert not (project / "runs").exists()


def test_skipped_images_are_named_on_stderr(project: Path) -> None:
    (project / "data/train/left/a[/b]").mkdir(parents=True)
    (project / "data/train/left/a[/b]/x.png").write_bytes(b"no image")
    ended = run("train", "tiny.yaml", "--set", "data.on_bad_image=skip", cwd=project)
    assert ended.code == 0
    first, last = ended.err.splitlines()
    assert first.startswith("skipped ")
    assert "data/train/left/a[/b]/x.png: " in first
    assert last == "1 bad image skipped"

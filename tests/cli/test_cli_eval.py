import json
import math
import re
import shutil
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from tiny_project import CLASSES, draw_split
from tool_process import control_characters, run, run_on_terminal

from mlptrain.tasks.metrics.measure import metric_names
from mlptrain.tasks.outcomes.classes import ClassOutcome

RUN = "runs/tiny-001"


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images whose labels are wrong, all of them."""
    place = tmp_path_factory.mktemp("swapped") / "images"
    return draw_split(place, 5, {"left": "right", "right": "top", "top": "left"}, seed=2)


def test_the_tables_say_what_was_measured_on_what(trained: Path) -> None:
    ended = run("eval", RUN, cwd=trained)
    assert (ended.code, ended.err) == (0, "")
    assert control_characters(ended.out) == set()
    blocks = [block.splitlines() for block in ended.out.split("\n\n")]
    heads = [line.split()[0] for line in blocks[0]]
    assert heads == ["model", "data", "accuracy", "loss", "metrics"]
    shown = ["balanced_accuracy", "roc_auc", "log_loss", "expected_calibration_error"]
    assert blocks[0][4].split()[1::2] == shown
    assert blocks[0][0].startswith(f"model    {RUN}/best.safetensors   epoch ")
    assert "95 % interval" in blocks[0][2]
    assert blocks[0][2].endswith("n = 24)   majority class 0.333")
    assert blocks[1][0].split() == ["class", "precision", "recall", "f1", "support"]
    assert [line.split()[0] for line in blocks[1][1:]] == [*CLASSES, "mean"]
    assert blocks[2][0] == "confusion: rows are the true classes, columns the predicted ones"
    assert blocks[2][1].split() == list(CLASSES)
    assert [line.split()[0] for line in blocks[2][2:]] == list(CLASSES)


def test_tables_and_json_agree(trained: Path, swapped: Path) -> None:
    tables = run("eval", RUN, "--data", str(swapped), cwd=trained).out
    result = strict(run("eval", RUN, "--data", str(swapped), "--json", cwd=trained).out)
    rows = tables.split("\n\n")[2].splitlines()[2:]
    shown = [[0 if c == "·" else int(c) for c in row.split()[1:]] for row in rows]
    assert result["confusion_matrix"] == shown == [[0, 5, 0], [0, 0, 5], [5, 0, 0]]
    assert result["accuracy"] == 0
    assert result["examples"] == 15
    assert result["data"] == str(swapped)
    assert f"loss     {result['loss']:.4f}" in tables
    assert [each["name"] for each in result["classes"]] == list(CLASSES)


def test_json_is_strict_complete_and_alone_on_stdout(trained: Path) -> None:
    ended = run("eval", RUN, "--json", cwd=trained)
    assert (ended.code, ended.err) == (0, "")
    result = strict(ended.out)
    low, high = result["accuracy_interval_95"]
    assert 0 <= low <= result["accuracy"] <= high + 1e-12 <= 1 + 1e-12
    assert result["majority_baseline"] == pytest.approx(1 / 3)
    assert math.isfinite(result["loss"])
    assert result["model"] == f"{RUN}/best.safetensors"
    assert {"macro_precision", "macro_recall", "macro_f1", "epoch", "data"} <= result.keys()


@pytest.mark.parametrize(("split", "examples"), [("train", 36), ("validation", 12), ("test", 24)])
def test_every_split_of_the_config_can_be_measured(
    split: str, examples: int, trained: Path
) -> None:
    result = strict(run("eval", RUN, "--split", split, "--json", cwd=trained).out)
    assert (result["data"], result["examples"]) == (split, examples)


def test_validation_is_the_split_that_training_measured(trained: Path) -> None:
    result = strict(run("eval", RUN, "--split", "validation", "--json", cwd=trained).out)
    lines = (trained / RUN / "metrics.jsonl").read_text().splitlines()
    epoch = json.loads(lines[result["epoch"] - 1])
    assert (epoch["val_loss"], epoch["val_accuracy"]) == (result["loss"], result["accuracy"])


def test_without_a_name_the_latest_run_is_taken_and_named(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    shutil.copytree(trained / RUN, tmp_path / "runs/other-007", copy_function=shutil.copy)
    data = str(trained / "data/test")
    ended = run("eval", "--data", data, "--json", cwd=tmp_path)
    assert ended.code == 0
    assert ended.err == "using the latest run: runs/other-007\n"
    assert strict(ended.out)["model"] == "runs/other-007/best.safetensors"


def test_folder_file_and_latest_are_the_same_model(trained: Path) -> None:
    texts = [
        run("eval", *place, cwd=trained).out for place in ([], [RUN], [f"{RUN}/best.safetensors"])
    ]
    assert texts[0] == texts[1] == texts[2] != ""


def test_on_a_narrow_terminal_nothing_is_wider(trained: Path) -> None:
    ended = run_on_terminal("eval", RUN, cwd=trained, columns=80, env={"NO_COLOR": "1"})
    lines = ended.out.replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "majority class" in lines
    assert max(map(len, lines.splitlines())) <= 80


def test_gates_that_are_reached_say_nothing(trained: Path) -> None:
    ended = run("eval", RUN, "--min", "accuracy=0", "--min", "macro_f1=0.0", cwd=trained)
    assert (ended.code, ended.err) == (0, "")


def test_missed_gates_are_named_in_one_line(trained: Path, swapped: Path) -> None:
    gates = ["--min", "accuracy=0.95", "--min", "macro_recall=0", "--min", "macro_f1=1e-2"]
    ended = run("eval", RUN, "--data", str(swapped), "--json", *gates, cwd=trained)
    assert ended.code == 8
    assert ended.err == "gate missed: accuracy 0 is below 0.95; macro_f1 0 is below 0.01\n"
    assert strict(ended.out)["accuracy"] == 0


def test_of_two_gates_on_one_metric_the_higher_counts(trained: Path, swapped: Path) -> None:
    for gates in (["accuracy=0", "accuracy=0.5"], ["accuracy=0.5", "accuracy=0"]):
        options = [part for gate in gates for part in ("--min", gate)]
        assert run("eval", RUN, "--data", str(swapped), *options, cwd=trained).code == 8


def test_a_gate_can_be_on_one_class_and_on_what_should_be_small(
    trained: Path, swapped: Path
) -> None:
    gates = ["--min", "recall.left=0.5", "--max", "log_loss=0.01", "--max", "loss=1e9"]
    ended = run("eval", RUN, "--data", str(swapped), *gates, cwd=trained)
    assert ended.code == 8
    assert re.fullmatch(
        r"gate missed: recall\.left 0 is below 0\.5; log_loss \S+ is above 0\.01\n", ended.err
    )
    assert ended.out.startswith("model ")


def test_a_class_that_is_none_is_told_before_anything_is_read(trained: Path) -> None:
    ended = run("eval", RUN, "--data", "gone", "--min", "recall.lef=0.5", cwd=trained)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "--min recall.lef=0.5: there is no class 'lef'; did you mean 'left'? "
        "The classes are left, right, top.\n"
    )
    ended = run("eval", RUN, "--min", "r2=0.5", cwd=trained)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("--min r2=0.5: there is no metric 'r2' for classification. ")


def test_what_is_undefined_is_null_a_dash_and_no_gate(trained: Path, tmp_path: Path) -> None:
    draw_split(tmp_path / "one", 4, {"left": "left"}, seed=7)
    result = strict(run("eval", trained / RUN, "--data", "one", "--json", cwd=tmp_path).out)
    assert result["metrics"]["roc_auc"] is None
    assert [each["average_precision"] for each in result["classes"]] == [1, None, None]
    assert [each["recall"] for each in result["classes"]][1:] == [0, 0]
    gates = ["--min", "roc_auc=0.5", "--min", "recall.top=0"]
    ended = run("eval", trained / RUN, "--data", "one", *gates, cwd=tmp_path)
    assert ended.code == 8
    assert ended.err.splitlines()[-1] == (
        "gate missed: roc_auc has no value: it is undefined for these examples; "
        "recall.top has no value: there are no examples of class 'top'"
    )
    assert "   roc_auc -   " in ended.out


def test_json_has_every_metric_and_the_old_names_on_top(trained: Path) -> None:
    result = strict(run("eval", RUN, "--json", cwd=trained).out)
    assert tuple(result["metrics"]) == metric_names(ClassOutcome)
    for name in ("accuracy", "loss", "macro_precision", "macro_recall", "macro_f1"):
        assert result[name] == result["metrics"][name]
    for each in result["classes"]:
        assert list(each) == [
            "name", "precision", "recall", "f1", "roc_auc", "average_precision", "support"
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            "accuracy",
            "is no gate. Write NAME=VALUE with a metric and a number, for example --min ac",
        ),
        ("accuracy=", "is no gate."),
        ("accuracy=high", "is no gate."),
        ("accuracy=nan", "is no gate."),
        ("accuracy=inf", "is no gate."),
        ("=0.9", "is no gate."),
        ("", "is no gate."),
        ("acuracy=0.9", "there is no metric 'acuracy'; did you mean 'accuracy'?"),
        ("recall=0.9", "recall is a number per class. Write macro_recall, "),
        ("accuracy=95", "accuracy is never 95. It is from 0 to 1."),
        ("accuracy=-0.1", "accuracy is never -0.1. It is from 0 to 1."),
        ("r2=1.1", "r2 is never 1.1. It is at most 1."),
        ("loss=0.1", "the lower loss is, the better. Write --max loss=0.1."),
    ],
)
def test_a_gate_that_is_none_is_refused(gate: str, said: str, tmp_path: Path) -> None:
    ended = run("eval", "--min", gate, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"--min {gate}: {said}")


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("log_loss=-1", "log_loss is never -1. It is at least 0."),
        ("accuracy=0.9", "the higher accuracy is, the better. Write --min accuracy=0.9."),
    ],
)
def test_so_is_one_on_a_maximum(gate: str, said: str, tmp_path: Path) -> None:
    ended = run("eval", "--max", gate, cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (2, "", f"--max {gate}: {said}\n")


def test_a_model_without_a_test_split_says_what_else_can_be_measured(project: Path) -> None:
    run("train", "tiny.yaml", "--set", "data.test=null", cwd=project)
    ended = run("eval", RUN, cwd=project)
    assert (ended.code, ended.out) == (3, "")
    assert "no test split" in ended.err
    assert "--split" in ended.err
    assert "--data" in ended.err
    assert run("eval", RUN, "--split", "validation", cwd=project).code == 0


def test_arrays_of_any_name_are_evaluated_as_the_message_says(
    trained: Path, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "of two, [b].npz", images=images, labels=np.array(CLASSES * 2))
    ended = run("eval", trained / RUN, "--data", "of two, [b].npz", cwd=tmp_path)
    written = '{path: "of two, [b].npz", x: images, y: labels}'
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "of two, [b].npz: has no array 'x', it holds images, labels. "
        f"Name images and labels: {written}\n"
    )
    ended = run("eval", trained / RUN, "--data", written, "--json", cwd=tmp_path)
    assert (strict(ended.out)["data"], strict(ended.out)["examples"]) == (written, 6)
    ended = run("eval", trained / RUN, "--data", "{path: a, path: b}", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("--data {path: a, path: b}: key 'path' is given twice")


def test_the_arrays_that_were_chosen_are_named(trained: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8)).astype(np.uint8)
    arrays = {"x_train": images[:3], "y_train": np.array(CLASSES), "x_test": images}
    np.savez(tmp_path / "mn.npz", **arrays, y_test=np.array(CLASSES * 2))
    ended = run("eval", trained / RUN, "--data", "mn.npz", "--json", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "mn.npz: evaluated x_test and y_test\n")
    assert strict(ended.out)["examples"] == 6
    named = "{path: mn.npz, x: x_train, y: y_train}"
    ended = run("eval", trained / RUN, "--data", named, "--json", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")


def test_data_that_moved_is_named(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    run("train", "tiny.yaml", cwd=tmp_path / "copy")
    (tmp_path / "copy/data").rename(tmp_path / "copy/moved")
    ended = run("eval", "runs/tiny-002", cwd=tmp_path / "copy")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("data/test: ")
    assert ended.err.splitlines()[1:] == [
        "The model's config names this data; --data evaluates other data."
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"left": "left", "[b]": "top"}, "class '[b]' unknown"),
        ({**dict(zip(CLASSES, CLASSES, strict=True)), "[b]": "top"}, "class '[b]' unknown"),
    ],
)
def test_other_classes_than_the_model_s_are_named(
    names: dict[str, str], said: str, trained: Path, tmp_path: Path
) -> None:
    draw_split(tmp_path / "other", 2, names)
    ended = run("eval", trained / RUN, "--data", "other", cwd=tmp_path)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("other: ")
    assert said in ended.err


def test_skipped_images_are_named_on_stderr(project: Path) -> None:
    run("train", "tiny.yaml", "--set", "data.on_bad_image=skip", cwd=project)
    (project / "data/test/left/x[/b].png").parent.mkdir(parents=True)
    (project / "data/test/left/x[/b].png").write_bytes(b"")
    ended = run("eval", RUN, "--data", "data/test", cwd=project)
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == "1 bad image skipped"
    assert "data/test/left/x[/b].png: " in ended.err
    assert "n = 24)" in ended.out


def test_data_without_a_class_is_measured_and_the_class_named(
    trained: Path, tmp_path: Path
) -> None:
    draw_split(tmp_path / "other", 4, {"left": "left", "right": "right"}, seed=7)
    ended = run("eval", trained / RUN, "--data", "other", "--min", "macro_f1=0", cwd=tmp_path)
    assert ended.code == 0
    assert ended.err == "other: no images of 'top'; the means leave them out\n"
    ended = run("eval", trained / RUN, "--data", "other", "--json", cwd=tmp_path)
    result = strict(ended.out)
    assert (result["examples"], result["missing_classes"]) == (8, ["top"])
    assert [each["support"] for each in result["classes"]] == [4, 4, 0]
    means = [each["recall"] for each in result["classes"][:2]]
    assert result["macro_recall"] == pytest.approx(sum(means) / 2)


def test_data_and_split_exclude_each_other(trained: Path) -> None:
    ended = run("eval", RUN, "--data", "data/test", "--split", "test", cwd=trained)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("--split test: is of the run, but --data data/test names other")


def test_images_that_were_trained_on_are_counted(trained: Path) -> None:
    ended = run("eval", RUN, "--split", "train", "--json", cwd=trained)
    result = strict(ended.out)
    assert (result["trained_on"], result["left_out"], result["examples"]) == (36, 0, 36)
    assert ended.err == "train: the model was trained on 36 of the 36 images\n"


def test_images_that_were_trained_on_are_left_out_of_other_data(trained: Path) -> None:
    ended = run("eval", RUN, "--data", "data/train", "--json", "--min", "accuracy=0", cwd=trained)
    result = strict(ended.out)
    assert (result["trained_on"], result["left_out"]) == (0, 36)
    assert result["examples"] > 0
    total = result["examples"] + 36
    assert f"was trained on 36 of the {total} examples here; they are left out\n" in ended.err

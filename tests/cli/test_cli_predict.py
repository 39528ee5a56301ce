import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_project import CLASSES, draw
from tool_process import Ended, run, run_on_terminal

from mlptrain.text import printable
from mlptrain.training.trained_model import Prediction, load_model

RUN = "runs/tiny-001"
ODD_NAMES = (
    b"a[/b]/x.png",
    b"[red].png",
    b"two\nlines.png",
    b"\xff\xfe.png",
    "ab\u202egnp.png".encode(),
    "日本.png".encode(),
    b'comma, "quote".png',
    b"=1+1.png",
    b" space .png",
    b"-x.png",
    b"\x1b[31mred.png",
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images with odd names."""
    place = tmp_path_factory.mktemp("odd")
    random = np.random.default_rng(2)
    for index, name in enumerate(ODD_NAMES):
        path = place / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(CLASSES[index % 3], random).save(path)
    return place


def records(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.out.splitlines()]


def predicted(place: Path, *arguments: str | bytes, stdin: bytes = b"") -> list[dict[str, Any]]:
    ended = run(
        "predict", *arguments, "--model", RUN, "--json", "--top-k", "3",
        cwd=place, stdin=stdin,
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    return records(ended)


def test_a_line_per_image_names_path_label_and_probability(trained: Path) -> None:
    ended = run("predict", "data/test/top/003.png", "data/test/left/000.png", cwd=trained)
    assert ended.code == 0
    assert ended.err == f"using the latest run: {RUN}\n"
    rows = [line.split() for line in ended.out.splitlines()]
    assert [row[:2] for row in rows] == [
        ["data/test/top/003.png", "top"],
        ["data/test/left/000.png", "left"],
    ]
    assert all(len(row) == 3 and 0 <= float(row[2]) <= 1 for row in rows)


def test_table_columns_are_aligned(trained: Path) -> None:
    ended = run("predict", "data/test", "x/../data/test/top/000.png", "--top-k", "2", cwd=trained)
    assert ended.code == 3  # there is no x
    assert len({len(line) for line in ended.out.splitlines()}) == 1


def test_files_folders_globs_and_lists_name_the_same_images(trained: Path) -> None:
    files = [f"data/test/{name}/{i:03d}.png" for name in CLASSES for i in range(8)]
    by_file = predicted(trained, *files)
    assert [each["path"] for each in by_file] == files
    assert predicted(trained, "data/test") == by_file
    assert predicted(trained, "data/test/*/*.png") == by_file
    assert predicted(trained, "data/test/**/*.png") == by_file
    for end in ("\n", "\r\n", "\0"):
        assert predicted(trained, "-", stdin=end.join(files).encode()) == by_file


def test_the_order_is_the_user_s_and_duplicates_stay(trained: Path) -> None:
    one, two = "data/test/top/001.png", "data/test/left/001.png"
    assert [each["path"] for each in predicted(trained, two, one, one, two)] == [two, one, one, two]


def test_top_k_is_sorted_complete_and_sums_to_one(trained: Path) -> None:
    for each in predicted(trained, "data/test", "--top-k", "99"):
        probabilities = [top["probability"] for top in each["top"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-6)
        assert {top["label"] for top in each["top"]} == set(CLASSES)
        assert {"label": each["label"], "probability": each["probability"]} == each["top"][0]


def test_csv_has_columns_for_as_many_classes_as_there_are(trained: Path) -> None:
    ended = run(
        "predict", "data/test/top/000.png", "--model", RUN, "--format", "csv", "--top-k", "99",
        cwd=trained,
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    titles, row = csv.reader(ended.out.splitlines())
    ranks = ["", "_2", "_3"]
    assert titles == ["path", *(f"{n}{r}" for r in ranks for n in ("label", "probability"))]
    assert len(row) == len(titles)
    assert set(row[1::2]) == set(CLASSES)


def test_an_image_alone_gets_what_it_gets_among_thousands(trained: Path, thousands: Path) -> None:
    together = predicted(trained, str(thousands))
    assert len(together) == 6000
    assert [each["path"] for each in together] == sorted(each["path"] for each in together)
    alone = load_model(trained / RUN / "best.safetensors")
    for among in together[:300]:  # every place in a batch
        (prediction,) = alone.predict([str(trained / among["path"])], 3)
        assert isinstance(prediction, Prediction)
        top = prediction.answer.record["top"]
        assert [each["label"] for each in top] == [each["label"] for each in among["top"]]
        expected = [each["probability"] for each in among["top"]]
        assert [each["probability"] for each in top] == pytest.approx(expected, abs=1e-6)


def test_predictions_are_what_eval_counted(trained: Path) -> None:
    result = json.loads(run("eval", RUN, "--json", cwd=trained).out)
    counted = np.zeros((3, 3), int)
    losses = []
    for each in predicted(trained, "data/test"):
        true = each["path"].split("/")[-2]
        counted[CLASSES.index(true), CLASSES.index(each["label"])] += 1
        losses += [-np.log(top["probability"]) for top in each["top"] if top["label"] == true]
    assert counted.tolist() == result["confusion_matrix"]
    assert np.mean(losses) == pytest.approx(result["loss"], rel=1e-5)


def test_csv_and_json_hold_the_same_to_the_last_bit(trained: Path, odd: Path) -> None:
    for ranks in (1, 3):
        lines = [
            run("predict", odd, "--model", trained / RUN, "--top-k", str(ranks), form, cwd=odd).out
            for form in ("--format=csv", "--json")
        ]  # fmt: skip
        head, *rows = csv.reader(io.StringIO(lines[0], newline=""))
        assert head == ["path", "label", "probability", "label_2", "probability_2", "label_3",
                        "probability_3"][: 1 + 2 * ranks]  # fmt: skip
        each = [json.loads(line) for line in lines[1].splitlines()]
        assert [row[0] for row in rows] == [printable(record["path"]) for record in each]
        for row, record in zip(rows, each, strict=True):
            assert row[1::2] == [printable(top["label"]) for top in record["top"]]
            assert [float(p) for p in row[2::2]] == [top["probability"] for top in record["top"]]


def test_programs_get_names_as_they_are(trained: Path, odd: Path) -> None:
    ended = run("predict", "--model", trained / RUN, "--json", "--", *ODD_NAMES, cwd=odd)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()
    names = [name.decode("utf-8", "backslashreplace") for name in ODD_NAMES]
    assert [each["path"] for each in records(ended)] == names


def test_people_get_names_without_tricks(trained: Path, odd: Path) -> None:
    ended = run("predict", "--model", trained / RUN, "--", *ODD_NAMES, cwd=odd)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) == len(ODD_NAMES)
    assert all(line.isprintable() for line in lines)
    starts = (
        "a[/b]/x.png ",
        "[red].png ",
        "two\\nlines.png ",
        "\\xff\\xfe.png ",
        "ab\\u202egnp.png ",
    )
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=False))
    assert lines[10].startswith("\\x1b[31mred.png ")


def test_odd_names_come_from_stdin_and_folders_too(trained: Path, odd: Path) -> None:
    listed = run("predict", "-", "--model", trained / RUN, cwd=odd, stdin=b"\0".join(ODD_NAMES))
    assert listed.code == 0
    assert len(listed.out.splitlines()) == len(ODD_NAMES)
    lines = [name for name in ODD_NAMES if b"\n" not in name]
    by_line = run("predict", "-", "--model", trained / RUN, cwd=odd, stdin=b"\n".join(lines))
    assert sorted(line.split()[0] for line in by_line.out.splitlines()) == sorted(
        line.split()[0] for line in listed.out.splitlines() if not line.startswith("two")
    )
    assert len(run("predict", ".", "--model", trained / RUN, cwd=odd).out.splitlines()) == 11


def test_bad_and_missing_images_are_named_and_the_others_predicted(
    trained: Path, tmp_path: Path
) -> None:
    good = trained / "data/test/top/000.png"
    (tmp_path / "[red]cut.png").write_bytes(good.read_bytes()[:60])
    ended = run(
        "predict", "[red]cut.png", good, "missing.png", "text.txt", good, "--model", trained / RUN,
        "--format", "csv", cwd=tmp_path,
    )  # fmt: skip
    assert ended.code == 3
    assert [row.split(",")[0] for row in ended.out.splitlines()] == ["path", str(good), str(good)]
    lines = ended.err.splitlines()
    assert [line.split(": ")[0] for line in lines[:3]] == [
        "[red]cut.png",
        "missing.png",
        "text.txt",
    ]
    assert lines[1] == "missing.png: does not exist"
    assert lines[3:] == ["3 of 5 images could not be read."]


@pytest.mark.parametrize("argument", ["zz*.png", "empty", "-"])
def test_an_argument_without_images_is_refused_before_anything_is_predicted(
    argument: str, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("predict", trained / "data/test", argument, "--model", trained / RUN, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    where = "standard input" if argument == "-" else argument
    assert ended.err == f"{where}: no files to predict from there. Name some.\n"


@pytest.mark.parametrize("name", ["t.csv", "x.npy", "d.npz"])
def test_a_model_of_images_says_what_it_predicts_from(
    trained: Path, tmp_path: Path, name: str
) -> None:
    pixels = np.zeros((2, 8, 8), np.uint8)
    (tmp_path / "t.csv").write_text("filepath,label\na.png,left\n")
    np.save(tmp_path / "x.npy", pixels)
    np.savez(tmp_path / "d.npz", x=pixels)
    ended = run("predict", name, "--model", trained / RUN, cwd=tmp_path)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        f"{name}: is a table or a file of arrays, but the model was trained on images. Name image "
        "files, folders, or - for paths on standard input; labelled images in such a file are for "
        "eval --data\n1 of 1 images could not be read.\n"
    )
    ended = run("predict", f"gone-{name}", "--model", trained / RUN, cwd=tmp_path)
    assert ended.err.startswith(f"gone-{name}: does not exist\n")


def test_a_terminal_gets_no_escapes_from_names(trained: Path, odd: Path) -> None:
    ended = run_on_terminal("predict", odd, "--model", trained / RUN, cwd=odd)
    assert ended.code == 0
    assert "\x1b" not in ended.out


def test_many_images_have_a_head_start_and_the_same_predictions(trained: Path) -> None:
    names = sorted(str(path.relative_to(trained)) for path in (trained / "data/test").glob("*/*"))
    wanted = {row["path"]: row["top"] for row in predicted(trained, *names)}
    names.append("data/train")  # no image
    listed = "".join(f"{name}\n" for name in names * (2_500 // len(names) + 1))
    arguments = ["predict", "-", "--model", RUN, "--json", "--top-k", "3"]
    ended = run(*arguments, cwd=trained, stdin=listed.encode())
    assert ended.code == 3
    assert set(ended.err.splitlines()[:-1]) == {"data/train: is a folder, not a file"}
    rows = records(ended)
    good = [name for name in listed.splitlines() if name != "data/train"]
    assert [row["path"] for row in rows] == good
    for row in rows:
        assert [each["label"] for each in row["top"]] == [e["label"] for e in wanted[row["path"]]]
        for found, alone in zip(row["top"], wanted[row["path"]], strict=True):
            assert found["probability"] == pytest.approx(alone["probability"], abs=1e-6)


def test_a_damaged_model_is_found_out_in_spite_of_a_head_start(
    trained: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    content = bytearray((trained / RUN / "best.safetensors").read_bytes())
    content[-100] ^= 1
    model.write_bytes(content)
    listed = b"data/test/top/003.png\n" * 2_500
    ended = run("predict", "-", "--model", model, cwd=trained, stdin=listed)
    assert (ended.code, ended.out) == (4, "")
    assert "its digest does not match its content" in ended.err


def test_the_head_start_is_before_numpy_and_goes_on(trained: Path) -> None:
    script = """
import sys, mlptrain.cli.app as app, mlptrain.data.loading.sharing as sharing
made = sharing.Sharing.__init__
def make(*arguments):
    print("numpy" in sys.modules, file=sys.stderr)
    made(*arguments)
sharing.Sharing.__init__ = make
app.main()
"""
    listed = b"data/test/top/003.png\n" * 2_500
    ended = run(
        "predict", "-", "--model", RUN,
        cwd=trained, stdin=listed, command=(sys.executable, "-c", script),
    )  # fmt: skip
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "False\n", 2_500)

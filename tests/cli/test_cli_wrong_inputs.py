"""What a user can get wrong on the command line, with the whole answer; the libraries below have no
word in it. Configs are in tests/config/."""

import re
from pathlib import Path

import pytest

from mlptrain.cli.app import COMMANDS, run
from mlptrain.config.wording import any_of
from mlptrain.errors import MlptrainError

OF_LIBRARIES = re.compile(
    r"Value error|Input should|valid (integer|string|dict)|unable to|Usage:|Error:|\[type=|"
    r"Traceback|list\[str\]|argument\(s\)|Errno|zip file|pydantic|magic"
)
TRAIN, EVAL, PREDICT = (f"See mlptrain {name} --help." for name in ("train", "eval", "predict"))
TOP_K = "mlptrain predict: --top-k must be a whole number of at least 1, got"
FORMAT = "mlptrain predict: --format must be 'table' or 'csv', got"
SPLIT = "mlptrain eval: --split must be 'train', 'validation' or 'test', got"
GATES = "is no gate. Write NAME=VALUE with a metric and a number, for example --min accuracy=0.95."
FORMS = (
    "is no file of examples that mlptrain reads. Allowed are a folder with one folder of "
    "images per class, a .csv with the columns filepath,label, IDX files (…images-idx3…, "
    "…labels-idx1…), {inputs: x.npy, targets: y.npy}, an .npz with x (images) and y (labels) and "
    "{type: table, path: a .csv of numbers}."
)
ROOT_OPTIONS = "'--version', '--install-completion', '--show-completion' or '--help'"

WRONG = [
    ("trian", "mlptrain: there is no command 'trian'; did you mean 'train'? See mlptrain --help."),
    ("fly", f"mlptrain: there is no command 'fly'; use {any_of(COMMANDS)}. See mlptrain --help."),
    ("--nope", f"mlptrain: there is no option --nope; use {ROOT_OPTIONS}. See mlptrain --help."),
    ("--set a=1 train x", f"mlptrain: there is no option --set; use {ROOT_OPTIONS}. "
     "See mlptrain --help."),
    ("train", f"mlptrain train: CONFIG is missing. {TRAIN}"),
    ("train a.yaml --resum", "mlptrain train: there is no option --resum; did you mean '--resume'? "
     + TRAIN),
    ("train a.yaml -x", "mlptrain train: there is no option -x; use '--set', '--plugin', "
     "'--run-dir', '--resume', '--print-config', '--json', '--quiet', '--verbose' or '--help'. "
     + TRAIN),
    ("train a.yaml b.yaml", f"mlptrain train: unexpected argument b.yaml. {TRAIN}"),
    ("train a.yaml b c", f"mlptrain train: unexpected argument b c. {TRAIN}"),
    ("train a.yaml --set", f"mlptrain train: --set needs a value. {TRAIN}"),
    ("train a.yaml --run-dir", f"mlptrain train: --run-dir needs a value. {TRAIN}"),
    ("train --resume=3 a.yaml", f"mlptrain train: --resume takes no value. {TRAIN}"),
    ("eval a b", f"mlptrain eval: unexpected argument b. {EVAL}"),
    ("eval --json=yes", f"mlptrain eval: --json takes no value. {EVAL}"),
    ("eval --split xml", f"{SPLIT} 'xml'. {EVAL}"),
    ("eval --split Test", f"{SPLIT} 'Test'. {EVAL}"),
    ("eval --split=", f"{SPLIT} ''. {EVAL}"),
    ("eval --min x", f"--min x: {GATES}"),
    ("eval --min accuracy", f"--min accuracy: {GATES}"),
    ("eval --min accuracy=2", "--min accuracy=2: accuracy is never 2. It is from 0 to 1."),
    ("eval --min accuracy=nan", f"--min accuracy=nan: {GATES}"),
    ("eval --min loss=0.5", "--min loss=0.5: the lower loss is, the better. Write --max loss=0.5."),
    ("eval --max x=", "--max x=: is no gate. Write NAME=VALUE with a metric and a number, for "
     "example --max log_loss=0.2."),
    ("eval --min", f"mlptrain eval: --min needs a value. {EVAL}"),
    ("predict", f"mlptrain predict: FILE is missing. {PREDICT}"),
    ("predict --model", f"mlptrain predict: --model needs a value. {PREDICT}"),
    ("predict a.png --top-k 0", f"{TOP_K} '0'. {PREDICT}"),
    ("predict a.png --top-k -1", f"{TOP_K} '-1'. {PREDICT}"),
    ("predict a.png --top-k 1.5", f"{TOP_K} '1.5'. {PREDICT}"),
    ("predict a.png --top-k many", f"{TOP_K} 'many'. {PREDICT}"),
    ("predict a.png --top-k=", f"{TOP_K} ''. {PREDICT}"),
    ("predict a.png --format xml", f"{FORMAT} 'xml'. {PREDICT}"),
    ("predict a.png --format CSV", f"{FORMAT} 'CSV'. {PREDICT}"),
    ("predict a.png --format", f"mlptrain predict: --format needs a value. {PREDICT}"),
    ("info all", "mlptrain info: unexpected argument all. See mlptrain info --help."),
    ("--version=3", "mlptrain: --version takes no value. See mlptrain --help."),
    ("schema --json", "mlptrain schema: there is no option --json; use '--plugin' or "
     "'--help'. See mlptrain schema --help."),
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(*arguments: str) -> MlptrainError:
    with pytest.raises(MlptrainError) as refused:
        run(arguments)
    assert not OF_LIBRARIES.search(str(refused.value))
    return refused.value


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_a_wrong_command_line_gets_one_line(line: str, said: str, place: Path) -> None:
    error = answer(*line.split())
    assert str(error) == said
    assert error.exit_code == 2
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        ("x.txt", "Name one of these."),
        ("x.h5", "Name one of these."),
        ("x.parquet", "Name one of these."),
        ("x.PNG", "Name one of these."),
        ("x", "Name one of these."),
        ("x.zip", "Unpack it."),
        ("x.tar.gz", "Unpack it."),
    ],
)
def test_a_file_that_is_no_data_is_told_what_is(data: str, remedy: str, place: Path) -> None:
    (place / data).write_bytes(b"PK\x03\x04")
    (place / "c.yaml").write_text(f"data: {{train: {data}}}\n")
    error = answer("train", "c.yaml")
    assert str(error) == f"{data}: {FORMS} {remedy}"
    assert error.exit_code == 3


def test_an_array_without_targets_is_told_where_they_go(place: Path) -> None:
    (place / "c.yaml").write_text("data: {train: x.npy}\n")
    error = answer("train", "c.yaml")
    assert str(error) == (
        "x.npy: has no targets. Name their file, too, as in {inputs: x.npy, targets: y.npy}, or "
        "put both arrays into one .npz as x and y."
    )
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--data", ""], 2, "--data : a path must not be empty or contain a NUL character."),
        (["--data", "~nobody-here/x"], 2, "--data ~nobody-here/x: '~nobody-here/x' has no home"),
        (["--data", "gone"], 3, "gone: "),
        (["--data", "tiny.yaml"], 3, f"tiny.yaml: {FORMS} Name one of these."),
    ],
)
def test_data_to_evaluate_that_is_none(
    arguments: list[str], code: int, said: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    error = answer("eval", "runs/tiny-001", *arguments)
    assert str(error).startswith(said)
    assert error.exit_code == code

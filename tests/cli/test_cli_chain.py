"""The whole job as a user does it: the repository's own example, in a folder with a space in its
name, worked on from another one, in processes of their own."""

import json
import shutil
from pathlib import Path

import pytest
from tool_process import COMMAND, ROOT, run


@pytest.mark.both_kernels
def test_train_eval_and_predict_the_digits(tmp_path: Path) -> None:
    project, work = tmp_path / "my project", tmp_path / "some where"
    shutil.copytree(ROOT / "data/digits", project / "data/digits")
    shutil.copytree(ROOT / "configs", project / "configs")
    work.mkdir()
    digits = project / "data/digits/test"

    few = ("--set", "training.epochs=12", "--set", "training.threads=1")
    trained = run("train", project / "configs/digits.yaml", *few, cwd=work, command=COMMAND)
    assert (trained.code, trained.err) == (0, "")
    assert trained.out.splitlines()[-1].startswith("next     mlptrain eval runs/digits-001 ")

    gates = ("--min", "accuracy=0.9", "--min", "macro_f1=0.9")
    evaluated = run("eval", "--json", *gates, cwd=work, command=COMMAND)
    assert (evaluated.code, evaluated.err) == (0, "using the latest run: runs/digits-001\n")
    result = json.loads(evaluated.out)
    assert f"accuracy {result['accuracy']:.4f} " in trained.out
    assert [each["name"] for each in result["classes"]] == list("0123456789")

    predicted = run(
        "predict",
        digits,
        "--model",
        work / "runs/digits-001",
        "--json",
        cwd=tmp_path,
        command=COMMAND,
    )  # fmt: skip
    assert (predicted.code, predicted.err) == (0, "")
    records = [json.loads(line) for line in predicted.out.splitlines()]
    right = sum(Path(each["path"]).parent.name == each["label"] for each in records)
    assert len(records) == result["examples"]
    assert right / len(records) == result["accuracy"]

    one = run("predict", "my project/data/digits/test/7/*.png", "--model",
              "some where/runs/digits-001/last.safetensors", cwd=tmp_path)  # fmt: skip
    assert one.code == 0
    assert one.out.startswith("my project/data/digits/test/7/")
    assert sorted(path.name for path in work.iterdir()) == ["runs"]

"""Inside GitHub Actions, and what other CI systems read."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tiny_project import CLASSES, draw_split
from tool_process import Ended, run

from mlptrain.cli.gates import Verdict
from mlptrain.cli.github import annotation
from mlptrain.cli.junit import write_junit

RUN = "runs/tiny-001"
HOSTILE = "a|b\n::error::x\n<script>*[y](z)"


def in_actions(place: Path, *arguments: str, summary: Path | None = None) -> Ended:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(place)}
    if summary is not None:
        env["GITHUB_STEP_SUMMARY"] = str(summary)
    return run(*arguments, cwd=place, env=env)


def commands(text: str) -> list[str]:
    """The lines that GitHub's runner obeys."""
    return [line for line in text.splitlines() if re.match(r"\s*::", line) or "##[" in line]


def test_a_mistake_in_a_config_is_shown_at_its_line(project: Path) -> None:
    (project / "sub").mkdir()
    config = project / "sub/bad,1.yaml"
    config.write_text("data: {train: x}\nmodel: {hidden: [3]}\nsede: 1\n")
    first, second = commands(in_actions(project, "train", str(config)).err)
    start = "::error file=sub/bad%2C1.yaml,line=2,col=9,title=mlptrain%3A config::unknown key"
    assert first.startswith(start)
    assert ",line=3,col=1," in second


def test_no_more_than_ten_annotations_of_a_kind(project: Path) -> None:
    config = project / "bad.yaml"
    config.write_text("data: {train: x}\n" + "".join(f"key{i}: 1\n" for i in range(30)))
    assert len(commands(in_actions(project, "train", str(config)).err)) == 10
    for index in range(12):
        (project / f"data/train/top/bad{index}.png").write_bytes(b"")
    skipping = ("--set", "data.on_bad_image=skip", "--run-dir", "skipping")
    ended = in_actions(project, "train", "tiny.yaml", *skipping)
    assert [line.split()[0] for line in commands(ended.err)] == ["::warning"] * 10
    assert in_actions(project, "eval", "skipping", "-q").err == ""


def test_messages_and_properties_are_escaped() -> None:
    line = annotation("error", "50 % of\na:b,c\r::x", title="a:b,c\n%")
    assert line == (r"::error title=a%3Ab%2Cc\n%25::50 %25 of%0Aa:b,c\r::x")


def test_missed_gates_are_annotated_and_summarized(trained: Path, tmp_path: Path) -> None:
    gates = ("--min", "accuracy=0.1", "--min", "recall.top=1", "--max", "loss=0")
    ended = in_actions(trained, "eval", RUN, *gates, summary=tmp_path / "summary.md")
    assert ended.code == 8
    (line,) = commands(ended.err)
    assert line.startswith("::error title=mlptrain%3A gate missed::gate missed: ")
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith(
        "### mlptrain eval\n\n| metric | test |\n| --- | --- |\n| examples | 24 |\n| accuracy | "
    )
    assert len(re.findall(r"^\| &#45;&#45;m(?:in|ax) .* \|$", text, re.MULTILINE)) == 3
    assert text.count("| passed |") == 3 - line.count(";") - 1
    assert in_actions(trained, "eval", RUN, summary=tmp_path / "summary.md").code == 0
    assert (tmp_path / "summary.md").read_text().count("### mlptrain eval\n") == 2


def test_the_end_of_training_is_summarized(project: Path) -> None:
    in_actions(project, "train", "tiny.yaml", "-q", summary=project / "summary.md")
    text = (project / "summary.md").read_text()
    assert "| run | runs&#47;tiny&#45;001 |\n| --- | --- |\n| reason | epochs |" in text
    assert "| test accuracy |" in text


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    names = dict(zip((HOSTILE.replace("/", ""), "b", "c"), CLASSES, strict=True))
    draw_split(tmp_path / "data/train", 16, names)
    draw_split(tmp_path / "data/test", 8, names, seed=1)
    (tmp_path / "c.yaml").write_text(
        "data: {train: data/train, test: data/test}\nmodel: {hidden_layers: [4]}\n"
        "training: {epochs: 1, threads: 1}\n"
    )
    summary = tmp_path / "summary.md"
    assert commands(in_actions(tmp_path, "train", "c.yaml", summary=summary).out) == []
    gate = f"recall.{HOSTILE}=1"
    junit = ("--junit", "gates.xml")
    ended = in_actions(tmp_path, "eval", "--min", gate, *junit, summary=summary)
    assert commands(ended.out) == []
    assert len(commands(ended.err)) <= 1
    text = summary.read_text()
    assert not set("<>[]*") & set(text)
    assert all(line.startswith(("### ", "| ")) or not line for line in text.splitlines())
    case = ElementTree.parse(tmp_path / "gates.xml").find("testsuite/testcase")
    assert case is not None
    assert case.get("name") == "--min " + gate.replace("\n", r"\n")


def test_junit_has_a_test_for_each_gate(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "gates.xml"
    gates = ("--min", "accuracy=0.1", "--max", "loss=0")
    ended = run("eval", RUN, *gates, "--junit", path, cwd=trained)
    assert ended.code == 8
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {"tests": "2", "failures": "1", "errors": "0"}
    passed, failed = root.iterfind("testsuite/testcase")
    assert (passed.get("name"), passed.find("failure")) == ("--min accuracy=0.1", None)
    failure = failed.find("failure")
    assert failure is not None
    assert f"gate missed: {failure.get('message')}\n" == ended.err
    assert re.fullmatch(r"measured \d\.\d{4}", failed.findtext("system-out") or "")


def test_junit_is_xml_whatever_a_gate_is_called(tmp_path: Path) -> None:
    path = tmp_path / "gates.xml"
    write_junit(path, [Verdict(r"--min recall.\x1b<&\">'=1", "-", "no value: ]]>")])
    assert ElementTree.parse(path).getroot().get("failures") == "1"


@pytest.mark.parametrize("gates", [[], ["--max", "loss=9"]])
def test_a_report_that_cannot_be_written_is_refused(trained: Path, gates: list[str]) -> None:
    ended = run("eval", RUN, *gates, "--junit", f"{RUN}/summary.json", cwd=trained)
    assert (ended.code, "is not named .xml" in ended.err) == (2, bool(gates))
    ended = run("eval", RUN, *gates, "--junit", "missing/gates.xml", cwd=trained)
    assert ended.code == (6 if gates else 2)

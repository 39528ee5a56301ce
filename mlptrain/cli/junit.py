"""The gates of `eval` as a JUnit report, which CI systems show as tests."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from mlptrain import files
from mlptrain.cli.gates import Verdict


def write_junit(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write a test case per gate to the file `path`, with the measured value. Raises
    FileSystemError."""
    failures = sum(bool(each.missed) for each in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failures), "errors": "0"}
    suite = ElementTree.Element("testsuite", {"name": "mlptrain eval", **counts})
    for each in verdicts:
        about = {"classname": "mlptrain.eval", "name": each.gate}
        case = ElementTree.SubElement(suite, "testcase", about)
        if each.missed:
            ElementTree.SubElement(case, "failure", {"message": each.missed, "type": "gate"})
        measured = ElementTree.SubElement(case, "system-out")
        measured.text = f"measured {each.measured}"
    root = ElementTree.Element("testsuites", counts)
    root.append(suite)
    ElementTree.indent(root)
    files.write_whole(path, ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n")

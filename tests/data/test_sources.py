"""What a user may write for a source, and what a folder and a manifest then hold."""

import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import mlptrain.config.schema  # noqa: F401  (registers every source)
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.idx import Idx
from mlptrain.data.sources.listing import images_below
from mlptrain.data.sources.manifest import Manifest
from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.source import Files, Source, sources
from mlptrain.errors import DataError

CHOICE: TypeAdapter[object] = TypeAdapter(Source)
PAIR = Idx(images="d/t10k-images-idx3-ubyte.gz", labels="d/t10k-labels-idx1-ubyte.gz")
WRITTEN = [
    ("data/digits", Folder(path="data/digits")),
    ("data/v1.0", Folder(path="data/v1.0")),
    ("a.csv/b", Folder(path="a.csv/b")),
    ("a.CSV", Manifest(path="a.CSV")),
    ("a.npz", Npz(path="a.npz")),
    ("d/t10k-images-idx3-ubyte.gz", PAIR),
    ("images.idx3-ubyte", Idx(images="images.idx3-ubyte", labels="labels.idx1-ubyte")),
    ({"path": "a.npz", "x": "pixels"}, Npz(path="a.npz", x="pixels")),
    ({"path": "d/t10k-images-idx3-ubyte.gz"}, PAIR),
    ({"images": "a", "labels": "b"}, Idx(images="a", labels="b")),
    ({"type": "folder", "path": "a.csv"}, Folder(path="a.csv")),
]


@pytest.mark.parametrize(("written", "meant"), WRITTEN)
def test_the_kind_follows_from_the_name(written: object, meant: object) -> None:
    assert CHOICE.validate_python(written) == meant
    assert CHOICE.validate_json(CHOICE.dump_json(CHOICE.validate_python(written))) == meant


@pytest.mark.parametrize("written", ["", "a\0b", 3, None, {}, {"type": "zip"}, {"images": "a"}])
def test_what_is_no_source_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        CHOICE.validate_python(written)


def test_paths_start_at_the_folder_of_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    context = {"folder": Path("/configs")}
    for written, located in (("a", "/configs/a"), ("/b", "/b"), ("~/c", "/home/me/c")):
        assert CHOICE.validate_python(written, context=context) == Folder(path=located)
    assert CHOICE.validate_python("~/c") == Folder(path="/home/me/c")


def test_every_source_is_registered_and_in_the_schema() -> None:
    assert set(sources) == {"folder", "csv", "idx", "npy", "npz", "table", "arrays"}
    assert TypeAdapter(list[Source]).json_schema()["items"]["anyOf"] == [
        {"type": "string"},
        *({"$ref": f"#/$defs/{each.__name__}"} for each in sources.definitions()),
    ]


def make(root: Path, *names: str) -> str:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return str(root)


NAMES = ("b/2.png", "b/10.png", "B/1.jpeg", "é/x.png", "b/deep/er/1.png", "[red]\n/\udcff.png")


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_a_folder_is_listed_bytewise(names: tuple[str, ...], tmp_path: Path) -> None:
    content = Folder(path=make(tmp_path, *names)).content()
    assert content == Files(
        str(tmp_path),
        ("B/1.jpeg", "[red]\n/\udcff.png", "b/10.png", "b/2.png", "b/deep/er/1.png", "é/x.png"),
        ("B", "[red]\n", "b", "b", "b", "é"),
    )


def test_what_is_hidden_or_text_is_ignored_and_nothing_else(tmp_path: Path) -> None:
    make(
        tmp_path,
        *("a/1.png", "a/.hidden.png", "a/README.md", "a/x.JSON"),
        *("a/.git/2.png", ".cache/3.png", "notes.txt", "LICENSE", "a/img.0001", "a/none"),
    )
    (tmp_path / "a/link.png").symlink_to("nowhere")
    names = ("a/1.png", "a/img.0001", "a/link.png", "a/none")
    assert Folder(path=str(tmp_path)).content().names == names


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    make(tmp_path / "set", "a/1.png")
    make(tmp_path / "far", "2.png")
    (tmp_path / "set/b").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "set")
    (tmp_path / "set/a/up").symlink_to("..")
    (tmp_path / "set/a/self").symlink_to("self")
    names = Folder(path=str(tmp_path / "set")).content().names
    assert names[0] == "a/1.png"
    assert {"a/self", "b/2.png"} <= set(names)
    assert len(names) < 20


FOLDERS = {
    "missing": ((), "none", "{}: cannot be read as a folder: does not exist."),
    "a file": (
        ("f/x",),
        "f/x",
        "{}: is no file of examples that mlptrain reads. Allowed are a folder with one "
        "folder of images per class, a .csv with the columns filepath,label, IDX files "
        "(…images-idx3…, …labels-idx1…), {{inputs: x.npy, targets: y.npy}}, an .npz with x "
        "(images) and y (labels) and {{type: table, path: a .csv of numbers}}. "
        "Name one of these.",
    ),
    "empty": (
        ("f/.hidden",),
        "f",
        "{}: holds no class folders. Expected one folder per class, with its images inside.",
    ),
    "image outside": (
        ("f/a/1.png", "f/x.TIF"),
        "f",
        "{}/x.TIF: is an image outside of a class folder. "
        "Put it into a folder that has the name of its class.",
    ),
    "empty class": (
        ("f/a/1.png", "f/b/notes.txt"),
        "f",
        "{0}/b: holds no images, but every folder in {0} is a class. "
        "Add images, or remove the folder.",
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folder_errors(name: str, tmp_path: Path) -> None:
    made, place, message = FOLDERS[name]
    make(tmp_path, *made)
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path / place)).content()
    assert str(caught.value) == message.format(tmp_path / place)


def test_images_below_lists_whole_paths(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a/c.png", ".d.png", "e.txt")
    assert images_below(str(tmp_path), []) == [f"{tmp_path}/a/c.png", f"{tmp_path}/b.png"]
    with pytest.raises(DataError, match="does not exist"):
        images_below(str(tmp_path / "none"), [])


def test_a_manifest_keeps_its_order(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    rows = b'label,note,filepath\r\ncat,,b.png\r\n\r\n"a ""b"", c",x,"d/e, f.png"\r\n'
    rows += b"\xc3\xa9,,b\xff.png"
    path.write_bytes(b"\xef\xbb\xbf" + rows)
    assert Manifest(path=str(path)).content() == Files(
        str(tmp_path),
        ("b.png", "d/e, f.png", "b\udcff.png"),
        ("cat", 'a "b", c', "é"),
        lines=(2, 4, 5),
    )


COLUMNS = (
    "The first line must be filepath,label: image files and their classes. "
    "Pixels belong in an .npz or IDX file."
)
MANIFESTS = {
    "empty": (b"", ": is empty"),
    "other columns": (
        b"path,label\n",
        f":1: the columns are 'path', 'label'. {COLUMNS}",
    ),
    "column twice": (
        b"filepath,label,label\n",
        f":1: the columns are 'filepath', 'label', 'label'. {COLUMNS}",
    ),
    "blank in a column's name": (
        b"filepath, label\na,x\n",
        f":1: the columns are 'filepath', ' label'. {COLUMNS}",
    ),
    "pixels": (
        b"label," + b",".join(b"pixel%d" % i for i in range(784)) + b"\n",
        f":1: the columns are 'label', 'pixel0', 'pixel1', 'pixel2' … (785 in all). {COLUMNS}",
    ),
    "one long line": (b"x" * 100_000, f":1: the columns are '{'x' * 40}'. {COLUMNS}"),
    "semicolons": (
        b'\xef\xbb\xbf"filepath";"label"\r\na;x\r\n',
        ":1: the columns are separated by semicolons. Save the file with commas.",
    ),
    "tabs": (
        b"label\tnote\tfilepath\nx\t\ta\n",
        ":1: the columns are separated by tabs. Save the file with commas.",
    ),
    "Excel's line": (b"sep=;\nfilepath;label\n", ":1: 'sep=;' is for Excel only. Remove the line."),
    "UTF-16": ("filepath,label\n".encode("utf-16"), ": is UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": (
        "filepath,label\n".encode("utf-16-be"),
        ": is UTF-16; save it as UTF-8",
    ),
    "Latin-1": (
        b"filepath,label\na,x\nb,caf\xe9\n",
        ":3: the label 'caf\\xe9' is not UTF-8. Save the file as UTF-8.",
    ),
    "no rows": (
        b"filepath,label\n",
        ":1: no images are listed. Expected one line per image.",
    ),
    "field missing": (
        b'filepath,label\n"a\nb",x\nc\n',
        ":4: has 1 value, but the first line names 2 columns. Write one value per column, with "
        "quotes around a value that holds a comma.",
    ),
    "empty path": (
        b"filepath,label\n,x\n",
        ":2: filepath is empty or no possible name.",
    ),
    "two labels": (
        b"filepath,label\na,x\nb,x\na,y\n",
        ":4: a is 'y' here, but 'x' in line 2. One file has one label.",
    ),
    "open quote": (b'filepath,label\n"a,x\n', ":2: is not CSV: no quote closes the last value."),
    "quote inside": (
        b'filepath,label\n"a"b,x\n',
        ":2: is not CSV: text follows a closing quote. Double the quotes within a value.",
    ),
    "long value": (
        b"filepath,label\n" + b"x" * 200_000 + b",a\n",
        ":2: is not CSV: a value has more than 131,072 characters; probably a quote is not closed.",
    ),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_errors(name: str, tmp_path: Path) -> None:
    data, message = MANIFESTS[name]
    path = tmp_path / "m.csv"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        Manifest(path=str(path)).content()
    assert str(caught.value) == f"{path}{message}"

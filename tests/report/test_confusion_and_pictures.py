"""The confusion matrix as a table and as a picture; weights and thumbnails as pictures."""

from base64 import b64decode
from io import BytesIO
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from PIL import Image

from mlptrain.functions.activations import Softmax
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense, Dropout
from mlptrain.nn.model import Head, Model
from mlptrain.report.confusion import confusion
from mlptrain.report.markup import markup
from mlptrain.report.pictures import first_weights, smaller, thumbnail
from mlptrain.tasks.figures import Confusion


def pixels(image: Element) -> np.ndarray:
    """What an image of the page shows."""
    data = b64decode(image.get("src", "").removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)


def test_few_classes_are_a_table_with_headers() -> None:
    counts = np.array([[8, 2], [0, 10]])
    (box,) = confusion(Confusion(("cat", "d" * 30), counts, "examples"))
    rows = [[("".join(c.itertext()), c.get("class")) for c in r] for r in box.iter("tr")]
    assert rows[0] == [("", "corner"), ("cat", None), ("d" * 23 + "…", None)]
    assert rows[1] == [("cat", None), ("8", "right q8"), ("2", "wrong q4")]
    assert rows[2] == [("d" * 30, None), ("·", "wrong q0"), ("10", "right q8")]
    scopes = [header.get("scope") for header in box.iter("th")]
    assert scopes == ["col", "col", "row", "row"]


@pytest.mark.parametrize(("classes", "side"), [(41, 41), (600, 200)])
def test_many_classes_are_a_picture_and_their_largest_confusions(classes: int, side: int) -> None:
    counts = 10 * np.eye(classes, dtype=np.int64)
    counts[3, classes - 1], counts[classes - 1, 3] = 5, 30
    names = tuple(f"n{i}" for i in range(classes))
    figure, box = confusion(Confusion(names, counts, "examples"))
    image = figure.find("img")
    assert image is not None
    shown = pixels(image)
    assert shown.shape == (side, side, 3)
    at = 3 * side // classes
    red, _, blue = shown[at, -1]
    assert red > blue
    assert shown[0, 0, 2] > shown[0, 0, 0]
    assert (shown[0, 2] == 255).all()
    assert shown[-1, at].sum() < shown[at, -1].sum(), "the larger share is darker"
    rows = [["".join(cell.itertext()) for cell in row] for row in box.iter("tr")][1:]
    assert rows == [
        [f"n{classes - 1}", "n3", "30", "75.0%"],
        ["n3", f"n{classes - 1}", "5", "33.3%"],
    ]


def test_without_confusions_there_is_only_the_picture() -> None:
    names = tuple(f"n{i}" for i in range(50))
    assert len(confusion(Confusion(names, np.eye(50, dtype=np.int64), "examples"))) == 1


def model(units: int, *before: Dropout) -> Model:
    """A dense layer with weights of its own for each unit, for inputs of 2×3 pixels."""
    made = Model([*before, Dense(units=units)], 6, Head(2, Softmax()), CrossEntropy())
    weights, unit = np.zeros((6, units)), np.arange(units)
    weights[unit % 6, unit] = (unit + 1) * np.where(unit % 2, -1, 1)
    made.arena.value("dense_1/kernel")[...] = weights
    return made


def test_weights_are_drawn_with_the_largest_units_first() -> None:
    drawn = first_weights(model(60, Dropout(rate=0.1)), (2, 3, 1))
    assert len(drawn) == 48
    negative, positive = pixels(drawn[0]), pixels(drawn[1])
    assert negative[1, 2, 0] > 150 > negative[1, 2, 2], "unit 59: its last weight, negative"
    assert positive[1, 1, 2] > 150 > positive[1, 1, 0], "unit 58: the one before, positive"
    assert (negative[0] == 250).all()


def test_weights_of_colours_are_gray_where_they_are_zero() -> None:
    drawn = first_weights(model(2), (1, 2, 3))
    assert pixels(drawn[0]).tolist() == [[[128, 0, 128], [128, 128, 128]]]


def test_inputs_that_are_no_images_have_no_such_pictures() -> None:
    assert first_weights(model(2), (6,)) == []


def test_large_pictures_become_means_of_squares() -> None:
    image = np.zeros((200, 130, 1), np.uint8)
    image[:4, :4] = 10
    image[0, 0] = 50
    small = smaller(image)
    assert small.shape == (50, 32, 1)
    assert small[0, 0, 0] == 12
    assert small[1:].max() == 0
    assert smaller(small) is small


def test_masks_keep_their_values_when_they_become_smaller() -> None:
    mask = np.zeros((128, 128), np.uint8)
    mask[64:] = 1
    palette = np.array([[0, 0, 0], [0, 255, 0]], np.uint8)
    shown = pixels(thumbnail(mask, "mask", palette))
    assert shown.shape == (64, 64, 3)
    assert np.unique(shown.reshape(-1, 3), axis=0).tolist() == palette.tolist()
    assert 'alt="mask"' in markup(thumbnail(mask, "mask", palette))

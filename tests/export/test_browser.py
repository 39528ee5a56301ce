"""The exported page in a real browser, from the disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_runs import given, own, written
from page_faults import faults
from PIL import Image
from playwright.sync_api import Browser, Page
from task_runs import TASKS

from mlptrain.errors import UsageError
from mlptrain.export.export import target_named
from mlptrain.training.trained_model import Prediction, TrainedModel

pytestmark = pytest.mark.slow

CASES = [*TASKS, "digits", "everything"]


def opened(browser: Browser, model: TrainedModel, place: Path) -> tuple[Page, list[str]]:
    """The exported page, and what it does wrong from now on."""
    page, wrong = browser.new_page(viewport={"width": 400, "height": 900}), []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda sent: sent.url[:5] in {"file:", "data:", "blob:"} or wrong.append(sent.url),
    )
    page.on("console", lambda said: wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(written(target_named("browser"), model, place).as_uri())
    return page, wrong


@pytest.mark.parametrize("case", CASES)
def test_it_predicts_the_same(
    case: str, browser: Browser, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    page, wrong = opened(browser, models[case], tmp_path)
    x, ours = given(models[case]), own(models[case])
    flat = x.reshape(len(x), -1).tolist()
    theirs = page.evaluate("all => all.map(pixels => Array.from(predict(pixels)))", flat)
    page.close()
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)
    assert wrong == []


def test_the_page_is_sound(
    browser: Browser, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    path = written(target_named("browser"), models["segmentation"], tmp_path)
    assert faults(browser, path) == []


def shown(page: Page) -> list[str]:
    page.wait_for_function("document.querySelector('#answer li')")
    return page.locator("#answer li").all_inner_texts()


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("case", ["digits", "regression"])
def test_files_become_the_pixels_that_training_sees(
    case: str, resize: str, browser: Browser, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    """In gray and in colour, larger and smaller, with transparency, turned by EXIF."""
    from mlptrain.data.images.arrays import load_image

    model = models[case]
    settings = model.image.model_copy(update={"resize": resize, "background": 40})
    page, _ = opened(browser, model, tmp_path)
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for index, size in enumerate([(37, 50, 4), (9, 5, 3), (40, 12, 1)]):
        image = Image.fromarray(random.integers(0, 256, size, np.uint8).squeeze())
        path = tmp_path / f"{index}.png"
        image.save(path, exif=exif)
        data = f"data:image/png;base64,{_base64(path)}"
        code = """async ([data, resize]) => {
            Object.assign(ABOUT.image, { resize, background: 40 });
            const bytes = Uint8Array.from(atob(data.split(",")[1]), c => c.charCodeAt(0));
            const file = new Blob([bytes], { type: "image/png" });
            const image = await createImageBitmap(file, { colorSpaceConversion: "none" });
            return Array.from(fitted(image));
        }"""
        theirs = np.array(page.evaluate(code, [data, resize]))
        ours = load_image(str(path), settings).reshape(-1).astype(float)
        # a canvas rounds transparent colours
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=3 if size[2] == 4 else 0)
    page.close()


def _base64(path: Path) -> str:
    import base64

    return base64.b64encode(path.read_bytes()).decode()


def test_choosing_and_drawing(
    browser: Browser, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    model, image = models["digits"], tmp_path / "<b>.png"
    page, wrong = opened(browser, model, tmp_path)
    Image.fromarray(given(model)[0].squeeze()).save(image)
    page.get_by_label("Choose an image").set_input_files(image)
    (prediction,) = model.predict([str(image)], 3)
    assert isinstance(prediction, Prediction)
    ranks = prediction.answer.record["top"]
    assert shown(page) == [f"{e['label']}: {100 * e['probability']:.1f} %" for e in ranks]
    assert page.locator("#note").inner_text() == "<b>.png"
    page.get_by_role("button", name="Clear the drawing").click()
    assert page.locator("#answer li").count() == 0
    box: Any = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240)
    page.mouse.up()
    assert len(shown(page)) == 3
    seen = page.evaluate("Array.from(fitted(pad)).map(v => v > 60)")
    assert 8 <= sum(seen) <= 16  # a stroke through eight rows of pixels
    page.get_by_label("Choose an image").set_input_files(Path(__file__))
    page.get_by_text("test_browser.py: is no image that this browser reads.").wait_for()
    page.close()
    assert wrong == []


@pytest.mark.parametrize("case", ["multi_label", "segmentation", "autoencoder", "regression"])
def test_every_task_has_its_answer(
    case: str, browser: Browser, models: dict[str, TrainedModel], tmp_path: Path
) -> None:
    page, wrong = opened(browser, models[case], tmp_path)
    image = tmp_path / "image.png"
    Image.fromarray(given(models[case])[0]).save(image)
    page.get_by_label("Choose an image").set_input_files(image)
    lines = shown(page)
    picture = page.locator("#result").is_visible()
    page.close()
    names = models[case].state.targets.names or ("Mean squared error",)
    assert {line.partition(": ")[0] for line in lines} <= set(names)
    assert len(lines) == min(3, len(names))
    assert picture == (case in {"segmentation", "autoencoder"})
    assert wrong == []


def test_hostile_names_stay_text(browser: Browser, runs: dict[str, Path], tmp_path: Path) -> None:
    from mlptrain.training.trained_model import load_model

    hostile = (
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "@steps@\u202e",
    )
    model = load_model(runs["digits"] / "best.safetensors")
    spec = model.state.targets.model_copy(update={"names": hostile})
    model.state = model.state.model_copy(update={"targets": spec})
    page, wrong = opened(browser, model, tmp_path)
    image = tmp_path / "image.png"
    Image.fromarray(given(model)[0].squeeze()).save(image)
    page.get_by_label("Choose an image").set_input_files(image)
    assert {line.rpartition(": ")[0] for line in shown(page)} == set(hostile)
    page.close()
    assert wrong == []


def test_a_model_of_numbers_has_no_page(models: dict[str, TrainedModel]) -> None:
    with pytest.raises(UsageError, match="inputs that are numbers, and a page takes images"):
        target_named("browser").files(models["table"])

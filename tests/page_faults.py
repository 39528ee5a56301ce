"""What is wrong with a page, seen in a real browser."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
WIDTHS = (400, 1280)

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_BROKEN = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
_VIOLATIONS = """async options => (await axe.run({...options, resultTypes: ["violations"]}))
    .violations.map(each => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`)"""
_RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}


def faults(browser: Browser, path: Path, *, accessibility: bool = True) -> list[str]:
    """Dialogs, requests, errors, broken images, a page wider than the window, and violations of
    rules of accessibility, in light and dark, which take seconds on a long page."""
    found: list[str] = []
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 900}, color_scheme="light")
    _listen(page, found)
    try:
        page.goto(path.as_uri())
        if broken := page.evaluate(_BROKEN):
            found.append(f"{broken} broken images")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(_OVERFLOW) > 0:
                found.append(f"wider than {width}")
        if accessibility:
            found += _violations(page)
    finally:
        page.close()
    return found


def _violations(page: Page) -> list[str]:
    found = []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme, options in _RULES.items():
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {each}" for each in page.evaluate(_VIOLATIONS, options)]
    return found


def _listen(page: Page, found: list[str]) -> None:
    def dialog(shown: Any) -> None:
        found.append(f"dialog: {shown.message}")
        shown.dismiss()

    def request(sent: Any) -> None:
        if not sent.url.startswith(("data:", "file:")):
            found.append(f"request: {sent.url}")

    def message(said: Any) -> None:
        if said.type in ("error", "warning"):
            found.append(f"console: {said.text}")

    page.on("dialog", dialog)
    page.on("request", request)
    page.on("console", message)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))

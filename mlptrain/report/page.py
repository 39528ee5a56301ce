"""The page: head, header, sections, and the style they share."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element

from mlptrain import __version__
from mlptrain.report.headline import headline
from mlptrain.report.markup import element, markup, preformatted
from mlptrain.report.material import Material
from mlptrain.report.results import result_sections
from mlptrain.report.tables import notes
from mlptrain.report.training import curve_section, model_sections
from mlptrain.tasks.outcomes.decisions import DecisionOutcome
from mlptrain.text import show_name, show_path

Section = tuple[str, list[Element]]


def page(material: Material) -> str:
    """The report as HTML."""
    assert material.model.path is not None
    name = show_name(material.model.path.absolute().parent.name)
    sections = [*curve_section(material), *result_sections(material), *model_sections(material)]
    body = element(
        "body",
        _header(name, material, sections),
        element("main", *(_section(index, each) for index, each in enumerate(sections, 1))),
        element("footer", element("p", f"Written by mlptrain {__version__}.")),
    )
    root = element("html", _head(f"{name}: report"), body, lang="en")
    _name_drawings(root)
    return markup(root)


def _head(title: str) -> Element:
    style = files("mlptrain.report").joinpath("style.css").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:"
    policy = element("meta", content=allowed)
    policy.set("http-equiv", "Content-Security-Policy")
    return element(
        "head",
        element("meta", charset="utf-8"),
        policy,
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        preformatted("style", style),
    )


def _header(name: str, material: Material, sections: Sequence[Section]) -> Element:
    state, result = material.model.state, material.result
    task, classes = state.config.task.type.replace("_", " "), len(state.targets.names)
    noun = state.config.task.noun
    ending = "" if classes == 1 else "es" if noun == "class" else "s"
    of = f", {classes:,} {noun}{ending}" if noun else ""
    lead = f"{task.capitalize()}{of} · epoch {state.progress.epoch}"
    if result is not None:
        lead += f" · evaluated on {show_path(result.data)}"
    links = [
        element("li", element("a", title, href=f"#s{index}"))
        for index, (title, _) in enumerate(sections, 1)
    ]
    return element(
        "header",
        element("h1", element("bdi", name)),
        element("p", lead, class_="muted"),
        headline(result) if result is not None else None,
        notes([*_hints(material), *_limits(material)]),
        element("nav", element("ul", *links), aria_label="Sections"),
    )


def _hints(material: Material) -> list[str]:
    """What the run noticed about itself, and what to try."""
    summary = material.files.summary
    return [f"{hint.fact}. {hint.advice}" for hint in summary.hints] if summary else []


def _limits(material: Material) -> list[str]:
    """What limits the meaning of the numbers, and what is missing."""
    result = material.result
    found = [f"Missing: {each}" for each in material.files.missing]
    if result is None:
        return [f"Not evaluated: {material.why_not}", *found]
    found += result.notes
    if result.dataset.skipped:
        found.append(f"{len(result.dataset.skipped):,} images could not be read; left out")
    outcome = result.outcome
    if isinstance(outcome, DecisionOutcome) and outcome.missing:
        names = ", ".join(map(show_name, outcome.missing[:10]))
        found.append(f"No examples of {names}; the means leave them out")
    if result.trained_on:
        words = result.dataset.words.count(outcome.examples)
        found.append(f"The model was trained on {result.trained_on:,} of the {words}")
    return found


def _section(index: int, section: Section) -> Element:
    title, contents = section
    heading = element("h2", title, id=f"s{index}")
    return element("section", heading, *contents, aria_labelledby=f"s{index}")


def _name_drawings(root: Element) -> None:
    """Refer each drawing to its own title and description."""
    for number, drawing in enumerate(root.iter("svg"), 1):
        names = [f"d{number}{each.tag[0]}" for each in drawing[:2]]
        for each, name in zip(drawing[:2], names, strict=True):
            each.set("id", name)
        drawing.set("aria-labelledby", " ".join(names))

"""The frame that all charts share: size, axes, grid, and texts for readers who cannot see."""

from itertools import pairwise
from xml.etree.ElementTree import Element

from mlptrain.report.markup import Content, add, element
from mlptrain.report.scale import Scale, tick_label

WIDTH, HEIGHT = 440, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 40  # margins
LABEL_ROOM = 78  # more at the right, for names at the ends of lines
_GAP = 14  # between two of these names


class Drawing:
    """An SVG under construction, in a coordinate system `scale_x` by `scale_y`.

    Args:
        title: what it shows, also the heading above it.
        description: what can be read from it, for those who cannot see it.
        x_title, y_title: what the axes are.
        mirrored: whether y counts from zero in both directions.
    """

    def __init__(
        self,
        title: str,
        description: str,
        axes: tuple[Scale, Scale],
        x_title: str,
        y_title: str,
        *,
        mirrored: bool = False,
    ) -> None:
        self.title = title
        self.x, self.y = axes
        self._shown = abs if mirrored else float
        self.svg = element("svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
        add(self.svg, (element("title", title), element("desc", description)))
        self._add_axes(x_title, y_title)

    def add(self, *content: Content) -> None:
        """Draw on top of what there is."""
        add(self.svg, content)

    def figure(self, caption: str = "") -> Element:
        """The drawing with its heading and a caption."""
        below = element("figcaption", caption) if caption else None
        return element("figure", element("h3", self.title), self.svg, below)

    def _add_axes(self, x_title: str, y_title: str) -> None:
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        for value in self.y.ticks():
            place = self.y(value)
            self.add(
                element("line", class_="grid", x1=left, x2=right, y1=place, y2=place),
                element(
                    "text",
                    tick_label(self._shown(value)),
                    class_="tick end",
                    x=left - 7,
                    y=place + 4,
                ),
            )
        for value in self.x.ticks():
            place = self.x(value)
            self.add(
                element("line", class_="axis", x1=place, x2=place, y1=bottom, y2=bottom + 4),
                element("text", tick_label(value), class_="tick mid", x=place, y=bottom + 17),
            )
        names = [y_title] if y_title else []
        names += ["log scale"] if self.y.logarithmic else []
        self.add(
            element("line", class_="axis", x1=left, x2=right, y1=bottom, y2=bottom),
            element("text", ", ".join(names), class_="tick", x=4, y=top - 14),
            element("text", x_title, class_="tick end", x=right, y=bottom + 34),
        )


def horizontal(low: float, high: float, *, labelled: bool = False, whole: bool = False) -> Scale:
    """The x axis from `low` to `high`; `labelled`: with room for names at the ends of lines;
    `whole`: marked at whole numbers only."""
    return Scale(low, high, LEFT, WIDTH - RIGHT - (LABEL_ROOM if labelled else 0), whole=whole)


def spread(places: list[float]) -> list[float]:
    """Places of labels near `places`, in any order, far enough apart to be read."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + _GAP)
    below = max(0.0, max(moved, default=0) - (HEIGHT - BOTTOM))
    return [place - below for place in moved]

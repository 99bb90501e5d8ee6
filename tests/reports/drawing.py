"""Where the shapes of a chart are: a reader of the few parts of SVG that charts are made of."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from attrs import define, field

Point = tuple[float, float]

_STEP = re.compile(r"([MLHVhvlaZ])([-\d. ]*)")
_ARGUMENTS = {"M": 2, "L": 2, "l": 2, "H": 1, "h": 1, "V": 1, "v": 1, "a": 7, "Z": 0}


@define
class Drawing(HTMLParser):
    """The shapes of a chart, each as the points that it reaches."""

    shapes: list[tuple[str, list[Point]]] = field(factory=list, init=False)
    width: float = field(default=0, init=False)
    height: float = field(default=0, init=False)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "svg":
                self.width, self.height = map(float, given["viewbox"].split()[2:])
            case "path":
                self.shapes.append((tag, list(points(given["d"]))))
            case "rect":
                x, y, width, height = (float(given[n]) for n in ("x", "y", "width", "height"))
                assert min(width, height) >= 0
                self.shapes.append((tag, [(x, y), (x + width, y + height)]))
            case "circle":
                x, y, r = (float(given[name]) for name in ("cx", "cy", "r"))
                self.shapes.append((tag, [(x - r, y - r), (x + r, y + r)]))
            case "text":
                self.shapes.append((tag, [(float(given["x"]), float(given["y"]))]))

    def outside(self, slack: float = 1) -> list[tuple[str, Point]]:
        """The points that are not within the frame."""
        return [
            (tag, (x, y))
            for tag, reached in self.shapes
            for x, y in reached
            if not (-slack <= x <= self.width + slack and -slack <= y <= self.height + slack)
        ]


def drawing(made: str) -> Drawing:
    """A chart, read."""
    found = Drawing()
    found.feed(made)
    found.close()
    return found


def points(outline: str) -> Iterator[Point]:
    """The points that an outline goes to; of an arc also those that its circle reaches."""
    assert re.fullmatch(f"({_STEP.pattern})*", outline), outline
    x = y = 0.0
    start = (x, y)
    for command, told in _STEP.findall(outline):
        numbers = [float(number) for number in told.split()]
        assert len(numbers) == _ARGUMENTS[command], outline
        match command, numbers:
            case "M", [x, y]:
                start = (x, y)
            case "L", [x, y]:
                pass
            case "H", [x]:
                pass
            case "V", [y]:
                pass
            case "l", [right, down]:
                x, y = x + right, y + down
            case "h", [right]:
                x += right
            case "v", [down]:
                y += down
            case "a", [r, _, _, _, _, right, down]:
                middle = (x + right / 2, y + down / 2)
                yield middle[0] - r, middle[1] - r
                yield middle[0] + r, middle[1] + r
                x, y = x + right, y + down
            case "Z", []:
                x, y = start
        yield x, y

"""Tables and lists of evidence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import frozen

from exconn.reports.charts import share
from exconn.reports.markup import Content, Html, element, join
from exconn.reports.words import second
from exconn.unseen import shortened
from exconn.window import iso

_OPEN = 10


@frozen
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        kind: ``text``, ``number``, ``code`` for what came from outside, ``time``, or
            ``wide``.
    """

    name: str
    kind: str = "text"


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Content]],
    *,
    fold: bool = True,
) -> Html:
    """A table whose first column heads its rows; many rows are folded away.

    Args:
        caption: what the rows are.
        columns: in order.
        rows: a cell for each column.
        fold: whether many rows are folded away.
    """
    told = list(rows)
    if not fold or len(told) <= _OPEN:
        return _rows(caption, columns, told)
    rest = f"{caption}: the other {len(told) - _OPEN:,}"
    return join(
        _rows(caption, columns, told[:_OPEN]),
        element("details", element("summary", rest), _rows(rest, columns, told[_OPEN:])),
    )


def time(moment: datetime) -> Html:
    """A time to the second."""
    return element("time", second(moment), datetime=iso(moment))


def code(text: str) -> Html | None:
    """A value that came from outside."""
    return element("code", shortened(text)) if text else None


def beside(bar: Html, told: str) -> Html:
    """A bar, and the same in words."""
    return element("span", bar, told, class_="beside")


def tallies(
    caption: str, name: str, unit: str, counts: Sequence[tuple[str, int]], total: int | None
) -> Html | None:
    """A table of how often each value occurs, and of which share of all that is, where known."""
    if not counts:
        return None
    columns = [Column(name, "code"), Column(unit, "number")]
    rows: list[list[Content]] = [[code(value), f"{count:,}"] for value, count in counts]
    if total:
        columns.append(Column("Share"))
        for row, (_, count) in zip(rows, counts, strict=True):
            row.append(beside(share(count, total), f"{count / total:.1%}"))
    return table(caption, columns, rows)


def settings(values: Mapping[str, str]) -> Html | None:
    """The parameters of a change."""
    if not values:
        return None
    return element(
        "ul",
        *(
            element("li", shortened(name), " ", code(value) or "empty")
            for name, value in values.items()
        ),
        class_="settings",
    )


def _rows(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Content]]) -> Html:
    head = element("tr", *(element("th", c.name, scope="col", class_=c.kind) for c in columns))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row", class_=columns[0].kind),
            *(
                element("td", cell, class_=c.kind)
                for cell, c in zip(row[1:], columns[1:], strict=True)
            ),
        )
        for row in rows
    ]
    made = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *body)
    )
    return element("div", made, class_="scroll", tabindex="0", role="group", aria_label=caption)

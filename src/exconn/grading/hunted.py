"""The grades of a hunt."""

import json
from typing import Any, SupportsIndex, overload

import polars as pl

from exconn.errors import NoDataError
from exconn.facts import Survey
from exconn.grading.result import Grade
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, TIME
from exconn.unseen import shortened, visible
from exconn.window import iso

_SHOWN = 20
_SCHEMA = pl.Schema(
    {
        "connector": pl.String(),
        "at": TIME,
        "classification": pl.String(),
        "determination": pl.String(),
        "score": pl.Float64(),
        "margin": pl.Float64(),
        "confidence": pl.Float64(),
    }
)


class Hunt(tuple[Grade, ...]):
    """The grades of all connectors, the most suspicious first: a tuple that can be shown."""

    __slots__ = ()

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Grade: ...
    @overload
    def __getitem__(self, index: slice, /) -> "Hunt": ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> "Grade | Hunt":
        """One grade, or a part of the hunt."""
        if isinstance(index, slice):
            return Hunt(super().__getitem__(index))
        return super().__getitem__(index)

    def to_frame(self) -> pl.DataFrame:
        """A row for each connector: its verdict and its numbers."""
        rows = [
            (
                grade.connector,
                grade.at,
                grade.classification.value,
                grade.determination.value,
                grade.score,
                grade.margin,
                grade.confidence,
            )
            for grade in self
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def to_dict(self) -> list[dict[str, Any]]:
        """Each grade as plain values, ready for JSON, as `Grade.to_dict` has them."""
        return [grade.to_dict() for grade in self]

    def to_json(self, *, indent: int | None = None) -> str:
        """The same as JSON text, in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_html(self) -> str:
        """A ranking for people, with a chart of each: one page without network and script."""
        from exconn import reports  # noqa: PLC0415 - reports are above grading

        return reports.overview(self)

    def __repr__(self) -> str:
        lines = [
            visible(
                f"  {grade.score:.2f}  {grade.classification.value:<29}  "
                f"{grade.at:%Y-%m-%dT%H:%MZ}  {shortened(grade.connector)}"
            )
            for grade in self[:_SHOWN]
        ]
        more = [f"  and {len(self) - _SHOWN:,} more"] if len(self) > _SHOWN else []
        head = f"<Hunt: {len(self):,} connectors, the most suspicious first>"
        return "\n".join([head, *lines, *more])

    def _repr_html_(self) -> str:
        from exconn import notebook  # noqa: PLC0415 - notebooks are above grading

        return notebook.hunt(self)


def none_found(found: Survey) -> Hunt:
    """A hunt that found no connector.

    Raises:
        NoDataError: the mail could not have shown one.
    """
    mail, period = found.coverage[EMAIL_EVENTS], found.period
    where = f"from {iso(period.start)} to {iso(period.end)}"
    if not any(part.touches(period.start, period.end) for part in mail.parts):
        why = f"has no rows {where}"
    elif "Connectors" in mail.missing(period.start, period.end):
        why = f"lacks the column Connectors {where}"
    else:
        return Hunt()
    audit = "records no change of one" if found.coverage[CLOUD_APP_EVENTS].rows else "has no rows"
    raise NoDataError(
        f"no connector can be seen: EmailEvents {why}, and CloudAppEvents {audit}; "
        "export mail of that time, with its connectors"
    )

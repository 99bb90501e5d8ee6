"""Seeded draws as whole Series: numbers, picks, identifiers and times."""

import random
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate

import polars as pl
from attrs import frozen

from exconn.tables import TIME

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SATURDAY = 5


@frozen
class Curve:
    """How busy the hours of a day and the days of a week are.

    Attributes:
        hours: 24 weights, by local hour.
        weekend: what Saturdays and Sundays are multiplied by.
    """

    hours: tuple[float, ...]
    weekend: float

    def weight(self, moment: datetime) -> float:
        """The weight of the hour that `moment`, a local time, lies in."""
        factor = self.weekend if moment.weekday() >= _SATURDAY else 1.0
        return self.hours[moment.hour] * factor


_OFFICE_HOURS = (
    *(0.02, 0.01, 0.01, 0.01, 0.02, 0.04, 0.12, 0.4, 0.9, 1.0, 1.0, 0.9),
    *(0.6, 0.8, 1.0, 1.0, 0.9, 0.6, 0.3, 0.15, 0.1, 0.08, 0.05, 0.03),
)
OFFICE = Curve(_OFFICE_HOURS, weekend=0.06)
OUTSIDE = Curve(tuple(0.15 + 0.85 * weight for weight in _OFFICE_HOURS), weekend=0.35)
MACHINES = Curve(tuple(0.6 + 0.4 * weight for weight in _OFFICE_HOURS), weekend=0.7)
WORKDAYS = Curve((*(0.0,) * 8, *(1.0,) * 9, *(0.0,) * 7), weekend=0.0)


def integers(rng: random.Random, n: int, bound: int) -> pl.Series:
    """Draw `n` whole numbers from 0 to `bound` - 1, as Int64."""
    raw = struct.unpack(f"<{n}Q", rng.randbytes(8 * n))
    return (pl.Series(raw, dtype=pl.UInt64) % bound).cast(pl.Int64)


def fractions(rng: random.Random, n: int) -> pl.Series:
    """Draw `n` numbers from 0 (included) to 1 (excluded), as Float64."""
    return integers(rng, n, 2**53).cast(pl.Float64) / float(2**53)


def indices(rng: random.Random, n: int, weights: Sequence[float]) -> pl.Series:
    """Draw `n` positions in `weights`, each as often as its weight says, as UInt32."""
    ends = list(accumulate(weights))
    points = fractions(rng, n) * ends[-1]
    return pl.Series(ends, dtype=pl.Float64).search_sorted(points, side="right")


def picks(
    rng: random.Random,
    n: int,
    pool: Sequence[object] | pl.Series,
    weights: Sequence[float] | None = None,
) -> pl.Series:
    """Draw `n` items of `pool`, with repetition; equally often without `weights`."""
    items = pool if isinstance(pool, pl.Series) else pl.Series(pool)
    if weights is None:
        return items.gather(integers(rng, n, len(items)))
    return items.gather(indices(rng, n, weights))


def guids(rng: random.Random, n: int) -> list[str]:
    """Draw `n` GUIDs."""
    digits = rng.randbytes(16 * n).hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-{digits[i + 12 : i + 16]}"
        f"-{digits[i + 16 : i + 20]}-{digits[i + 20 : i + 32]}"
        for i in range(0, 32 * n, 32)
    ]


def between(rng: random.Random, n: int, start: datetime, end: datetime) -> pl.Series:
    """Draw `n` times evenly from `start` (included) to `end` (excluded), not sorted."""
    offsets = integers(rng, n, max(1, (end - start) // _MICROSECOND))
    return _times(offsets + _microseconds(start))


def around(rng: random.Random, n: int, start: datetime, end: datetime) -> pl.Series:
    """Draw `n` times from `start` to `end` that are densest halfway, not sorted."""
    width = (end - start) // _MICROSECOND
    offsets = (integers(rng, n, width) + integers(rng, n, width)) // 2
    return _times(offsets + _microseconds(start))


def rhythm(
    rng: random.Random,
    n: int,
    start: datetime,
    end: datetime,
    *,
    curve: Curve = OFFICE,
    zone: tzinfo = UTC,
) -> pl.Series:
    """Draw `n` times from `start` to `end` that follow a curve in a zone, not sorted."""
    count = -((start - end) // _HOUR)
    slots = [start + _HOUR * i for i in range(count)]
    widths = [min(_HOUR, end - slot) // _MICROSECOND for slot in slots]
    weights = [
        curve.weight(slot.astimezone(zone)) * width
        for slot, width in zip(slots, widths, strict=True)
    ]
    chosen = indices(rng, n, weights)
    starts = pl.Series([_microseconds(slot) for slot in slots], dtype=pl.Int64).gather(chosen)
    width = pl.Series(widths, dtype=pl.Int64).gather(chosen)
    return _times(starts + (fractions(rng, n) * width).cast(pl.Int64))


def moment(
    rng: random.Random, earliest: datetime, latest: datetime, *, zone: tzinfo = UTC
) -> datetime:
    """Draw one time in the working hours of a zone."""
    drawn: datetime = rhythm(rng, 1, earliest, latest, curve=WORKDAYS, zone=zone)[0]
    return drawn


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _times(microseconds: pl.Series) -> pl.Series:
    return microseconds.cast(TIME)

"""Where times and counts lie in a chart."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from exconn.window import floored

DAY = timedelta(days=1)
_FLAT = 40
"""How many times the median hour the busiest may be on a scale in which both are seen."""


@frozen
class Across:
    """Time from left to right."""

    start: datetime
    end: datetime
    left: float
    width: float

    def __call__(self, time: datetime) -> float:
        """The place of a time; one outside is at the nearer edge."""
        share = (time - self.start) / (self.end - self.start)
        return self.left + self.width * min(1.0, max(0.0, share))

    @property
    def hour(self) -> float:
        """The width of an hour."""
        return self.width / max((self.end - self.start) / timedelta(hours=1), 1)

    def days(self, apart: float) -> list[datetime]:
        """Midnights, at least so far apart from each other."""
        step = max(1, math.ceil(apart / (self.hour * 24)))
        first = floored(self.start, DAY)
        number = math.floor((self.end - first) / DAY)
        return [
            time
            for time in (first + n * DAY for n in range(0, number + 1, step))
            if self.start <= time < self.end
        ]


@frozen
class Up:
    """Counts from the bottom up, on a logarithmic scale where one hour dwarfs the others."""

    most: int
    bottom: float
    height: float
    logarithmic: bool = False

    @classmethod
    def of(cls, counts: Sequence[int], bottom: float, height: float) -> "Up":
        """The scale for some counts."""
        seen = sorted(count for count in counts if count)
        most = seen[-1] if seen else 1
        median = seen[len(seen) // 2] if seen else 1
        return cls(most, bottom, height, logarithmic=most > _FLAT * median)

    def __call__(self, count: float) -> float:
        """The place of a count."""
        if self.logarithmic:
            share = math.log10(1 + count) / math.log10(1 + self.most)
        else:
            share = count / self.most
        return self.bottom - self.height * min(1.0, share)

    @property
    def ticks(self) -> list[int]:
        """Round counts to write beside it."""
        if self.logarithmic:
            return [10**n for n in range(int(math.log10(self.most)) + 1)]
        size = 10 ** int(math.log10(self.most))
        step = next(s for s in (size // 5, size // 2, size, 2 * size) if s and self.most / s <= 5)
        return list(range(step, self.most + 1, step))

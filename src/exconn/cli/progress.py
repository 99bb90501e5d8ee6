"""What is being done, on stderr while it lasts, and only where that is a terminal."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import polars as pl
from attrs import define, field, frozen
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from exconn.coverage import Coverage
from exconn.query import Query, Source
from exconn.sources import ParquetSource, Reading
from exconn.tables import Table

_MINUTE = 60.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, and for how long.

    Yields:
        Says the part of it that comes now.
    """
    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task(f"{what}…")
        yield lambda part: shown.update(task, description=f"{what}: {part}…")


@define(eq=False)
class Reader:
    """Says what a source reads, how much of it is done, and about how long it will still take.

    Attributes:
        tell: is told.
        clock: seconds, of any beginning.
    """

    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _what: str = field(default="", init=False)
    _since: float = field(default=0.0, init=False)

    def begin(self, what: str) -> None:
        """Something else is done from now on."""
        self._what, self._since = what, self.clock()
        self.tell(what)

    def read(self, reading: Reading) -> None:
        """So much of it is read."""
        left = (self.clock() - self._since) * (reading.of - reading.done) / reading.done
        done = f"{reading.done / reading.of:.0%} ({reading.period.start:%Y-%m-%d})"
        self.tell(f"{self._what}: {done}, about {_lasting(left)} left")


def _lasting(seconds: float) -> str:
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min"


def watched(folder: str, tell: Callable[[str], None]) -> "Watched":
    """An evidence folder as a source that says what it is asked for, and how far it has come."""
    reader = Reader(tell)
    return Watched(ParquetSource(folder, on_read=reader.read), reader.begin)


@frozen(eq=False)
class Watched:
    """A source that says what it is asked for.

    Attributes:
        source: who runs the queries.
        tell: is told.
    """

    source: Source
    tell: Callable[[str], None]

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        self.tell(f"looking at {_listed(tables)}")
        return self.source.coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        self.tell(f"reading {_listed(table for query in queries for table in query.tables)}")
        results = self.source.collect(queries)
        self.tell("computing")
        return results


def _listed(tables: Iterable[Table]) -> str:
    return ", ".join(dict.fromkeys(table.name for table in tables))

"""What is being done, on stderr while it lasts, and only where that is a terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import polars as pl
from attrs import frozen
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from exconn.coverage import Coverage
from exconn.query import Query, Source
from exconn.tables import Table


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

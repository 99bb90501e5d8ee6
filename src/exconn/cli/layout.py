"""How the commands print for people: at 80 columns, without colour, in a pipe."""

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from exconn.unseen import shortened, visible

_NAME = 120
_SENTENCES = 2_000


def grid(*columns: str | tuple[str, str]) -> Grid:
    """A table; columns are names, or a name and a side."""
    made = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        title, side = column if isinstance(column, tuple) else (column, "left")
        made.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return made


def command(console: Console, line: str) -> None:
    """A command on one line of its own, however long: a cut one would look whole."""
    console.print(Text(visible(f"   {line}")), soft_wrap=True, crop=False, overflow="ignore")


def heading(title: str) -> Text:
    """A title, without characters that a terminal acts on."""
    return Text(visible(shortened(title)), style="bold underline")


def text(told: str, longest: int = _SENTENCES) -> Text:
    """Text, cut where it is too long, without characters that a terminal acts on."""
    return Text(visible(shortened(told, longest)))


def name(told: str) -> str:
    """A name, cut where it is too long."""
    return shortened(told, _NAME)

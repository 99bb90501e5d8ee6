"""The commands."""

import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

from attrs import evolve
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.status import Status

import exconn
from exconn.cli import show
from exconn.cli.escape import visible
from exconn.context import Context
from exconn.errors import ExconnError, InvalidValueError, NoDataError
from exconn.grading import grade, hunt
from exconn.ingest import import_files
from exconn.models import Alert
from exconn.simulate import demo_tenant
from exconn.sources import ParquetSource, read_context, write_evidence
from exconn.tables import TABLES
from exconn.window import parse_time

GRADED = 0
NOT_GRADED = 2
INTERRUPTED = 130

app = App(
    name="exconn",
    help="Grades Microsoft 365 alerts on malicious Exchange connectors, with the evidence shown.",
    version=exconn.__version__,
    help_format="plaintext",
)

Folder = Annotated[Path, Parameter(name="DIR", help="The evidence folder.", negative=())]
AcceptedDomains = Annotated[
    list[str] | None,
    Parameter(
        name="--accepted-domain",
        help="A domain of the tenant itself; may be repeated. Without any they are inferred.",
        negative=(),
    ),
]
ContextFile = Annotated[
    Path | None,
    Parameter(name="--context", help="What the organisation knows, instead of DIR/context.toml."),
]
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON.", negative=())]


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit status.

    0 when it did what was asked, whatever the grade; 2, with one line on stderr, when it could not.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GRADED
    except (ExconnError, CycloptsError, OSError) as error:
        message = " ".join(visible(" ".join(str(error).split())).split())
        print(f"exconn: {message}", file=sys.stderr)
        return NOT_GRADED
    except KeyboardInterrupt:
        print("exconn: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else GRADED


@app.command(name="grade")
def grade_command(
    folder: Folder,
    *,
    connector: Annotated[str, Parameter(help="The connector's name, in any letter case.")],
    at: Annotated[str, Parameter(help="The alert's time, ISO 8601; UTC without a zone.")],
    accepted_domain: AcceptedDomains = None,
    context: ContextFile = None,
    as_json: AsJson = False,
) -> None:
    """Grade one connector at one time."""
    alert = Alert(connector=connector, timestamp=parse_time(at))
    known = _context(folder, context, accepted_domain)
    with _progress("Grading"):
        result = grade(ParquetSource(folder), alert, context=known)
    if as_json:
        print(result.to_json(indent=2))
    else:
        show.grade(Console(), result)


@app.command(name="hunt")
def hunt_command(
    folder: Folder,
    *,
    at: Annotated[
        str | None,
        Parameter(help="One time for all; without it each connector's own most suspicious time."),
    ] = None,
    accepted_domain: AcceptedDomains = None,
    context: ContextFile = None,
    as_json: AsJson = False,
) -> None:
    """Grade every connector, the most suspicious first."""
    time = None if at is None else parse_time(at)
    known = _context(folder, context, accepted_domain)
    with _progress("Hunting"):
        results = hunt(ParquetSource(folder), at=time, context=known)
    if as_json:
        print(json.dumps([result.to_dict() for result in results], indent=2, allow_nan=False))
    else:
        show.ranking(Console(), results, folder)


@app.command
def demo(
    *,
    to: Annotated[Path, Parameter(help="Where the evidence folder is made.")] = Path("exconn-demo"),
    seed: Annotated[int, Parameter(help="Another number, another tenant.")] = 2026,
    mails: Annotated[int, Parameter(help="How many rows of EmailEvents.")] = 200_000,
) -> None:
    """Make a tenant with one hijacked connector, and find it."""
    console = Console()
    if mails < _FEWEST_MAILS:
        raise InvalidValueError("--mails", f"expected at least {_FEWEST_MAILS:,}, got {mails:,}")
    if to.exists() and any(to.iterdir() if to.is_dir() else [to]) and not _is_demo(to):
        raise InvalidValueError("--to", f"{to} exists and is not a demo; name another folder")
    with _progress("Making a tenant"):
        tenant = demo_tenant(seed, mails=mails)
        write_evidence(tenant.frames, to)
        (to / _DEMO_MARK).write_text(f"seed {seed}, {mails} mails\n", "utf-8")
    with _progress("Hunting"):
        source = ParquetSource(to)
        results = hunt(source)
        top = grade(source, Alert(connector=results[0].connector, timestamp=results[0].at))
    show.tenant(console, tenant, to)
    show.ranking(console, results, to)
    show.grade(console, top)
    show.where(console, to, top)


@app.command
def schema(
    table: Annotated[str | None, Parameter(help="One table; without it, all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the tables that exconn knows, or the columns of one."""
    chosen = [t for t in TABLES if table is None or t.name.casefold() == table.casefold()]
    if not chosen:
        names = ", ".join(t.name for t in TABLES)
        raise InvalidValueError("table", f"no table {table!r}; tables: {names}")
    if as_json:
        plain = {t.name: {c.name: c.type.value for c in t.columns} for t in chosen}
        print(json.dumps(plain, indent=2))
    else:
        show.tables(Console(), chosen, columns=table is not None)


@app.command(name="import")
def import_command(
    *files: Annotated[Path, Parameter(name="FILE", help="JSON or JSON lines, or folders of them.")],
    to: Annotated[Path, Parameter(help="The evidence folder; it is added to.")],
) -> None:
    """Read exports into an evidence folder."""
    if not files:
        raise InvalidValueError("import", "name at least one file: exconn import FILE... --to DIR")
    with _progress("Importing"):
        summary = import_files(files, to)
    show.imported(Console(), summary, to)
    if not sum(summary.written.values()) + summary.duplicates:
        raise NoDataError(
            "nothing was imported: no record is one that exconn reads (JSON and JSON lines; CSV is "
            "not read yet)"
        )


_FEWEST_MAILS = 2_000
_DEMO_MARK = "made-by-exconn-demo.txt"


def _is_demo(folder: Path) -> bool:
    return (folder / _DEMO_MARK).is_file()


def _context(folder: Path, file: Path | None, accepted: list[str] | None) -> Context:
    known = (
        read_context(file if file is not None else folder) if file or folder.is_dir() else Context()
    )
    domains = (*known.accepted_domains, *(accepted or ()))
    return evolve(known, accepted_domains=domains)


def _progress(what: str) -> Status:
    """Shown on stderr while the work lasts, and only where that is a terminal."""
    return Console(stderr=True).status(f"{what}…")

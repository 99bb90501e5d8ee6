"""The commands."""

import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

from attrs import asdict
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

import exconn
from exconn.cli import grades, inputs, outputs, show
from exconn.cli.inputs import Ask
from exconn.cli.progress import progress, watched
from exconn.configuration import risks
from exconn.errors import ExconnError, InvalidValueError, NoDataError
from exconn.facts import catalogue
from exconn.facts.catalogue import CATALOGUE
from exconn.facts.queries import connector_names
from exconn.grading import grade, grade_schema, hunt
from exconn.ingest import import_files
from exconn.kql import kql_types
from exconn.kql.dialect import dialect_of
from exconn.models import Alert
from exconn.query import Query
from exconn.simulate import demo_tenant
from exconn.sources import compact_evidence, write_evidence
from exconn.sources._storage import is_address
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, TABLES
from exconn.unseen import shortened, visible
from exconn.window import EVER, Period, iso, parse_time

GRADED = 0
NOT_GRADED = 2
INTERRUPTED = 130
_ERROR = 2_000
_DASHED = re.compile(r"--(DIR|FILE|NAME|TABLE)\b")
"""What cyclopts makes of the names of arguments."""


class _Screen(Console):
    """Where results are printed."""

    def on_broken_pipe(self) -> None:
        """Let `run` see that nobody reads on; rich would end the program with an error."""
        raise BrokenPipeError


app = App(
    name="exconn",
    help="Grades Microsoft 365 alerts on malicious Exchange connectors, with the evidence shown.",
    version=exconn.__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # `run` says it
)

Folder = Annotated[
    str,
    Parameter(name="DIR", help="The evidence folder, or its address, such as s3://bucket/march."),
]
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
PolicyFile = Annotated[
    Path | None,
    Parameter(name="--policy", help="Other weights and thresholds, in TOML."),
]
ToHtml = Annotated[
    Path | None,
    Parameter(name="--html", help="Write a report there, too: one page, for a browser."),
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
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*region.* not set")  # by Polars, which finds it out
            status = app(
                list(arguments),
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GRADED
    except (ExconnError, CycloptsError, OSError) as error:
        told = " ".join(_told(error).split())
        if isinstance(error, CycloptsError):
            told = _DASHED.sub(r"\1", told)
        message = " ".join(visible(shortened(told, _ERROR)).split())
        print(f"exconn: {message}", file=sys.stderr)
        return NOT_GRADED
    except KeyboardInterrupt as interrupt:
        print("; ".join(("exconn: interrupted", *map(str, interrupt.args))), file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else GRADED


def _told(error: Exception) -> str:
    """What an error says; of those of the system, of which file."""
    if isinstance(error, OSError) and not isinstance(error, ExconnError) and error.filename:
        return f"{error.filename} cannot be used ({error.strerror})"
    return str(error)


@app.command(name="grade")
def grade_command(
    folder: Folder,
    *,
    connector: Annotated[str, Parameter(help="The connector's name, in any letter case.")],
    at: Annotated[str, Parameter(help="The alert's time, ISO 8601; UTC without a zone.")],
    accepted_domain: AcceptedDomains = None,
    context: ContextFile = None,
    policy: PolicyFile = None,
    html: ToHtml = None,
    evidence: Annotated[
        Path | None,
        Parameter(help="Write the tables of evidence there, too, as Parquet and CSV."),
    ] = None,
    as_markdown: Annotated[
        bool, Parameter(name="--markdown", help="Print Markdown, for a ticket.", negative=())
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Grade one connector at one time."""
    if as_json and as_markdown:
        raise InvalidValueError("--markdown", "print either JSON or Markdown")
    page, tables = outputs.page(html), outputs.tables(evidence)
    alert = Alert(connector=connector, timestamp=parse_time(at))
    known = inputs.context(folder, context, accepted_domain)
    weighed = inputs.policy(policy)
    with progress("Grading") as tell:
        source = watched(folder, tell)
        result = grade(source, alert, context=known, policy=weighed)
    try:
        if as_json:
            print(result.to_json(indent=2))
        elif as_markdown:
            print(result.to_markdown(), end="")
        else:
            grades.grade(_Screen(), result)
    finally:  # whoever reads what is printed may have gone
        if tables is not None:
            result.evidence.write(tables)
        if page is not None:
            outputs.write_page(page, result.to_html())
    if not as_json and not as_markdown:
        show.written(_Screen(), page, tables)


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
    policy: PolicyFile = None,
    html: ToHtml = None,
    as_json: AsJson = False,
) -> None:
    """Grade every connector, the most suspicious first."""
    page = outputs.page(html)
    time = None if at is None else parse_time(at)
    known = inputs.context(folder, context, accepted_domain)
    weighed = inputs.policy(policy)
    with progress("Hunting") as tell:
        source = watched(folder, tell)
        results = hunt(source, at=time, context=known, policy=weighed)
    if not results:
        audit = source.coverage([CLOUD_APP_EVENTS])[CLOUD_APP_EVENTS]
        grades.nothing(_Screen(stderr=as_json), folder, audit)
    try:
        if as_json:
            print(results.to_json(indent=2))
        elif results:
            grades.ranking(_Screen(), results)
            grades.shared_notes(_Screen(), results)
    finally:  # whoever reads what is printed may have gone
        if page is not None:
            outputs.write_page(page, results.to_html())
    if not as_json:
        show.written(_Screen(), page)


@app.command
def demo(
    *,
    to: Annotated[Path, Parameter(help="Where the evidence folder is made.")] = Path("exconn-demo"),
    seed: Annotated[int, Parameter(help="Another number, another tenant.")] = 2026,
    mails: Annotated[int, Parameter(help="How many rows of EmailEvents.")] = 200_000,
) -> None:
    """Make a tenant with one hijacked connector, and find it."""
    console = _Screen()
    if mails < _FEWEST_MAILS:
        raise InvalidValueError("--mails", f"expected at least {_FEWEST_MAILS:,}, got {mails:,}")
    if to.exists() and any(to.iterdir() if to.is_dir() else [to]) and not _is_demo(to):
        raise InvalidValueError("--to", f"{to} exists and is not a demo; name another folder")
    with progress("Making a tenant"):
        tenant = demo_tenant(seed, mails=mails)
        to.mkdir(parents=True, exist_ok=True)
        (to / _DEMO_MARK).write_text(f"seed {seed}, {mails} mails\n", "utf-8")
        write_evidence(tenant.frames, to)
    with progress("Hunting") as tell:
        source = watched(str(to), tell)
        results = hunt(source)
        top = grade(source, Alert(connector=results[0].connector, timestamp=results[0].at))
    show.tenant(console, tenant, to)
    grades.ranking(console, results)
    grades.brief(console, top)
    show.where(console, to, top)


@app.command(name="kql")
def kql_command(
    name: Annotated[str | None, Parameter(help="One query; without it, all are listed.")] = None,
    *,
    every: Annotated[bool, Parameter(name="--all", help="Print all.", negative=())] = False,
    dialect: Annotated[str, Parameter(help="defender, sentinel or kusto.")] = "defender",
    asked: Ask | None = None,
    as_json: AsJson = False,
) -> None:
    """Print queries as KQL, to be pasted into the portal."""
    spoken = dialect_of(dialect)
    if name is None and not every:
        show.queries(_Screen(), CATALOGUE)
        return
    about = (asked or Ask()).about(inputs.last_week())
    if name is not None:
        inputs.refuse_useless(inputs.known(name), about)
    made = {
        n: catalogue.about(n, inputs.with_marks(n, about)) for n in ([name] if name else CATALOGUE)
    }
    texts = {n: query.to_kql(spoken) for n, query in made.items()}
    if as_json:
        print(json.dumps({n: _described(texts[n], query) for n, query in made.items()}, indent=2))
    else:
        print("\n\n".join(f"// {n}\n{text}" if name is None else text for n, text in texts.items()))


@app.command(name="query")
def query_command(
    name: Annotated[str, Parameter(help="The query; exconn kql lists them.")],
    folder: Folder,
    *,
    asked: Ask | None = None,
    as_json: AsJson = False,
) -> None:
    """Run one query on an evidence folder."""
    asked = asked or Ask()
    inputs.refuse_incomplete(inputs.known(name), asked.about(EVER))
    with progress("Running") as tell:
        source = watched(folder, tell)
        coverage = source.coverage(TABLES)
        if coverage.first is None or coverage.last is None:
            raise NoDataError(f"{folder}: no rows with a readable time")
        everything = Period(coverage.first, coverage.last + timedelta(hours=1))
        about = asked.about(everything)
        query = catalogue.about(name, about)
        if missing := [table.name for table in query.tables if not coverage[table].parts]:
            raise NoDataError(
                f"{folder}: no table {missing[0]}; without it this query has no answer"
            )
        rows = query.collect(source)
        lacking = coverage.lacking(query.reads(), about.period.start, about.period.end)
        names = (
            connector_names(about.period).collect(source)["Connectors"].unique().sort().to_list()
            if about.connector and (EMAIL_EVENTS.name, "Connectors") not in lacking
            else None
        )
    show.doubts(_Screen(stderr=True), lacking, about.connector, names)
    if as_json:
        print(json.dumps(rows.to_dicts(), default=_plain, indent=2))
    else:
        show.rows(_Screen(), rows)


@app.command
def schema(
    table: Annotated[str | None, Parameter(help="One table; without it, all.")] = None,
    *,
    of_grades: Annotated[
        bool, Parameter(name="--grade", help="Print the JSON Schema of a grade.", negative=())
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the tables that exconn knows, or the columns of one; or print the schema of a grade."""
    if of_grades:
        if table is not None:
            raise InvalidValueError("schema", "name a table, or give --grade, not both")
        print(json.dumps(grade_schema(), indent=2))
        return
    chosen = [t for t in TABLES if table is None or t.name.casefold() == table.casefold()]
    if not chosen:
        names = ", ".join(t.name for t in TABLES)
        raise InvalidValueError("table", f"no table {table!r}; tables: {names}")
    if as_json:
        plain = {t.name: {c.name: c.type.value for c in t.columns} for t in chosen}
        print(json.dumps(plain, indent=2))
    else:
        show.tables(_Screen(), chosen, columns=table is not None)


@app.command(name="import")
def import_command(
    *files: Annotated[
        Path, Parameter(name="FILE", help="JSON, CSV, Parquet, zip; or folders of them.")
    ],
    to: Annotated[Path, Parameter(help="The evidence folder; it is added to.")],
) -> None:
    """Read exports into an evidence folder."""
    if not files:
        raise InvalidValueError("import", "name at least one file: exconn import FILE... --to DIR")
    with progress("Importing") as tell:
        summary = import_files(files, to, progress=lambda count: tell(f"{count:,} records"))
    show.imported(_Screen(), summary, to)
    if not summary.rows + sum(summary.listed.values()) + summary.duplicates:
        raise NoDataError(f"nothing was imported: {show.why_nothing(summary, files, to)}")


@app.command(name="compact")
def compact_command(
    folder: Annotated[str, Parameter(name="DIR", help="The evidence folder.")],
) -> None:
    """Lay the files of an evidence folder in order of time, so that they are read faster."""
    with progress("Compacting") as tell:
        done = compact_evidence(folder, tell)
    show.compacted(_Screen(), done)


@app.command(name="lint")
def lint_command(
    folder: Folder,
    *,
    context: ContextFile = None,
    as_json: AsJson = False,
) -> None:
    """Judge the connectors and transport rules that a folder's context lists; no mail is needed."""
    if context is None and not is_address(folder) and not Path(folder).is_dir():
        raise NoDataError(f"{folder}: no such folder; give an evidence folder")
    known = inputs.context(folder, context, None)
    listed = {(connector.guid or "").casefold() for connector in known.inbound_connectors}
    unlisted = set(known.blocked_connectors) - listed
    listings = (*known.connectors, *known.transport_rules, *unlisted)
    if not listings:
        raise NoDataError(
            "no connector or transport rule is listed; import what Get-InboundConnector, "
            "Get-OutboundConnector and Get-TransportRule give, as JSON: exconn import FILE... "
            "--to DIR"
        )
    found = risks(known)
    if as_json:
        print(json.dumps([asdict(risk) for risk in found], indent=2))
    else:
        show.risks(_Screen(), found, len(listings))


def _described(text: str, query: Query) -> dict[str, object]:
    return {"kql": text, "columns": {n: kind.value for n, kind in kql_types(query).items()}}


def _plain(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else str(value)


_FEWEST_MAILS = 2_000
_DEMO_MARK = "made-by-exconn-demo.txt"


def _is_demo(folder: Path) -> bool:
    return (folder / _DEMO_MARK).is_file()

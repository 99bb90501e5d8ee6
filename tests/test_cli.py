"""The command line: what people see, what machines read, and what bad input gets."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import attrs
import polars as pl
import pytest
from rich.console import Console

from bucket import bucket
from cases import attacked, poisoned
from exconn import Alert, Hunt, MemorySource, ParquetSource, grade, hunt, reports, write_evidence
from exconn.cli import grades, run, show
from exconn.cli.progress import Reader, Watched
from exconn.facts import queries
from exconn.facts.catalogue import CATALOGUE, NEEDS, PLAYBOOK_QUERIES, Asked, about, takes
from exconn.reports.markup import BEGINNING
from exconn.simulate import Tenant, demo_tenant
from exconn.sources import Reading
from exconn.window import Period, iso
from sight import unseen

Screen = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    return demo_tenant(11, mails=2_000)


@pytest.fixture(scope="module")
def folder(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("evidence")
    write_evidence(tenant.frames, made)
    return made


@pytest.fixture
def hijacked(tenant: Tenant) -> tuple[str, str]:
    assert tenant.at is not None
    return next(c.name for c in tenant.connectors if not c.honest), iso(tenant.at)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def refused(screen: Screen, *arguments: str) -> str:
    """Run a command that must fail in one line on stderr, and nothing on stdout."""
    assert run(arguments) == 2
    captured = screen.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("exconn: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def test_grade_prints_the_verdict_its_reasons_and_actions_within_80_columns(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    name, at = hijacked
    assert run(["grade", str(folder), "--connector", name.upper(), "--at", at]) == 0
    out = capsys.readouterr().out
    assert "TRUE POSITIVE  (multiStagedAttack)" in out
    for heading in ("Why", "The playbook's questions", "Timeline", "Recommended actions"):
        assert f"\n{heading}\n" in out
    commands = [line for line in out.splitlines() if line.startswith("   ")]
    assert any("Set-InboundConnector" in line and "-Enabled $false" in line for line in commands)
    assert any("Start-MgSecurityHuntingQuery" in line for line in commands)
    phases = ["\nContain\n1. ", "\nEvict\n", "\nClean up\n", "\nVerify\n", "\nRestore\n"]
    assert sorted(phases, key=out.index) == phases
    for part in ("\nBefore: Connect-", "\n   Check: ", "\n   Undo: "):
        assert part in out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("   "))
    assert "\x1b" not in out


def test_grade_prints_the_grade_of_the_library_as_json(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    name, at = hijacked
    assert run(["grade", str(folder), "--connector", name, "--at", at, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    assert printed == json.loads(grade(ParquetSource(folder), alert).to_json())


def test_hunt_prints_a_ranking_and_as_json_a_list_most_suspicious_first(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    assert run(["hunt", str(folder)]) == 0
    table = capsys.readouterr().out
    assert run(["hunt", str(folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == [json.loads(g.to_json()) for g in hunt(ParquetSource(folder))]
    scores = [found["score"] for found in printed]
    assert scores == sorted(scores, reverse=True)
    places = [table.index(f"\n {found['connector']} ") for found in printed]
    assert places == sorted(places)
    assert printed[0]["connector"] == hijacked[0]


def test_reports_are_written_beside_what_is_printed(
    folder: Path, hijacked: tuple[str, str], tmp_path: Path, capsys: Screen
) -> None:
    name, at = hijacked
    page, overview = tmp_path / "grade.html", tmp_path / "hunt.html"
    command = ["grade", str(folder), "--connector", name, "--at", at]
    result = grade(
        ParquetSource(folder), Alert(connector=name, timestamp=datetime.fromisoformat(at))
    )
    page.write_text(f"{BEGINNING}an older report")
    assert run([*command, "--html", str(page)]) == 0
    assert "The report is in" in capsys.readouterr().out
    assert page.read_text("utf-8") == result.to_html()
    assert page.stat().st_mode & 0o777 == 0o600
    assert run([*command, "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["connector"] == name
    assert run(["hunt", str(folder), "--html", str(overview)]) == 0
    assert "The report is in" in capsys.readouterr().out
    assert overview.read_text("utf-8") == reports.overview(hunt(ParquetSource(folder)))
    assert {path.name for path in tmp_path.iterdir()} == {"grade.html", "hunt.html"}


@pytest.mark.parametrize("kind", ["table", "page", "link", "dangling", "pipe"])
def test_reports_replace_nothing_but_reports(
    kind: str, folder: Path, tmp_path: Path, capsys: Screen
) -> None:
    place = tmp_path / "place"
    match kind:
        case "table":
            place.write_bytes((folder / "EmailEvents.parquet").read_bytes())
        case "page":
            place.write_text("<!doctype html>\n<p>Something else.</p>")
        case "link":
            (tmp_path / "empty").touch()
            place.symlink_to(tmp_path / "empty")
        case "dangling":
            place.symlink_to(tmp_path / "nothing")
        case _:
            os.mkfifo(place)
    before = place.lstat()
    told = refused(capsys, "hunt", str(folder), "--html", str(place))
    assert ("is a link" if kind in ("link", "dangling") else "is no report") in told
    assert place.lstat() == before
    assert not (tmp_path / "nothing").exists()


def test_a_report_is_refused_where_nothing_may_be_written(
    folder: Path, tmp_path: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # nothing bars the way of root
    told = f"nothing may be written to {tmp_path}"
    assert told in refused(capsys, "hunt", str(folder), "--html", str(tmp_path / "new.html"))
    grading = ["grade", str(folder), "--connector", "x", "--at", "2026-03-25", "--evidence"]
    assert told in refused(capsys, *grading, str(tmp_path / "new" / "tables"))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_reports_are_written_when_nobody_reads_what_is_printed(
    form: list[str], folder: Path, hijacked: tuple[str, str], tmp_path: Path
) -> None:
    name, at = hijacked
    for command in (["hunt", str(folder)], ["grade", str(folder), "--connector", name, "--at", at]):
        page = tmp_path / f"{command[0]}.html"
        line = [sys.executable, "-m", "exconn", *command, "--html", str(page), *form]
        with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait() == 0
        assert page.read_text("utf-8").startswith(BEGINNING)


def test_a_hunt_says_what_rests_on_domains_to_which_no_mail_goes(
    folder: Path, capsys: Screen
) -> None:
    assert run(["hunt", str(folder), "--accepted-domain", "other.example"]) == 0
    assert "no inbound mail went to an accepted domain" in " ".join(capsys.readouterr().out.split())
    assert run(["hunt", str(folder)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "no inbound mail" not in told
    assert "accepted domains are inferred" in told


def test_a_hunt_that_finds_no_connector_says_so_and_what_it_could_not_see(
    tmp_path: Path, capsys: Screen
) -> None:
    mail = pl.DataFrame({"Timestamp": ["2026-03-25T10:00:00Z"], "Connectors": [""]})
    write_evidence({"EmailEvents": mail}, tmp_path)
    assert run(["hunt", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "No connector has mail or changes in" in told
    assert "CloudAppEvents has no rows, so changes are not known." in told


def test_tables_of_evidence_are_not_laid_among_those_that_are_graded(
    folder: Path, capsys: Screen
) -> None:
    grading = ["grade", str(folder), "--connector", "x", "--at", "2026-03-25"]
    assert "is an evidence folder" in refused(capsys, *grading, "--evidence", str(folder))


def test_grade_prints_markdown_for_a_ticket(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    name, at = hijacked
    assert run(["grade", str(folder), "--connector", name, "--at", at, "--markdown"]) == 0
    printed = capsys.readouterr().out
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    assert printed == grade(ParquetSource(folder), alert).to_markdown()


def test_hunt_at_a_time_judges_every_connector_then(folder: Path, capsys: Screen) -> None:
    assert run(["hunt", str(folder), "--at", "2026-03-20 12:00", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {found["at"] for found in printed} == {"2026-03-20T12:00:00Z"}


def test_accepted_domains_and_the_context_file_reach_the_grade(
    folder: Path, hijacked: tuple[str, str], tmp_path: Path, capsys: Screen
) -> None:
    name, at = hijacked
    context = tmp_path / "known.toml"
    context.write_text(
        "[[approved_changes]]\nstart = 2026-01-01T00:00:00Z\nend = 2027-01-01T00:00:00Z\n"
    )
    command = ["grade", str(folder), "--connector", name, "--at", at, "--json"]
    assert run([*command, "--context", str(context)]) == 0
    printed = json.loads(capsys.readouterr().out)
    fired = {s["id"] for s in printed["signals"] if s["state"] == "fired"}
    assert "context.approved" in fired
    assert run([*command, "--accepted-domain", "nobody.example"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["external_share"] == 1.0


def test_a_context_beside_the_tables_is_read_and_one_that_is_named_replaces_it(
    tenant: Tenant, hijacked: tuple[str, str], tmp_path: Path, capsys: Screen
) -> None:
    write_evidence(tenant.frames, tmp_path / "e")
    (tmp_path / "e" / "context.toml").write_text('accepted_domains = ["nobody.example"]\n')
    other = tmp_path / "other.toml"
    other.write_text(f"accepted_domains = {json.dumps(list(tenant.accepted_domains))}\n")
    name, at = hijacked
    command = ["grade", str(tmp_path / "e"), "--connector", name, "--at", at, "--json"]
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["external_share"] == 1.0
    assert run([*command, "--context", str(other)]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["external_share"] < 1.0


def test_demo_finds_its_hijacked_connector_and_says_where_the_files_are(
    tmp_path: Path, capsys: Screen
) -> None:
    made = tmp_path / "demo"
    for _ in range(2):  # a demo may be made over a demo
        assert run(["demo", "--to", str(made), "--mails", "2000", "--seed", "5"]) == 0
    out = capsys.readouterr().out
    assert "TRUE POSITIVE" in out
    assert "One of its connectors is hijacked." in " ".join(out.split())
    assert "exconn grade" in out
    assert {path.name for path in made.glob("*.parquet")} == {
        "EmailEvents.parquet",
        "CloudAppEvents.parquet",
        "IdentityLogonEvents.parquet",
    }


def test_demo_does_not_write_into_what_is_not_a_demo(folder: Path, capsys: Screen) -> None:
    assert "name another folder" in refused(capsys, "demo", "--to", str(folder))


def test_schema_lists_tables_and_columns(capsys: Screen) -> None:
    assert run(["schema"]) == 0
    assert "IdentityLogonEvents" in capsys.readouterr().out
    assert run(["schema", "emailevents"]) == 0
    assert "NetworkMessageId (key)" in capsys.readouterr().out
    assert run(["schema", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed) == 12
    assert printed["EmailEvents"]["UrlCount"] == "int"


def test_what_was_imported_can_be_graded_and_the_counts_are_shown(
    tmp_path: Path, capsys: Screen
) -> None:
    audit = {
        "CreationTime": "2026-03-25T10:00:00",
        "Id": "6f3f4d58-7a55-4ff2-94a5-0d2a9a2b0001",
        "Operation": "New-InboundConnector",
        "Workload": "Exchange",
        "RecordType": 1,
        "UserType": 2,
        "UserId": "admin@contoso.example",
        "ResultStatus": "True",
        "Parameters": [{"Name": "Name", "Value": "Relay"}],
    }
    export = tmp_path / "export.jsonl"
    export.write_text(f"{json.dumps(audit)}\nnot json\n")
    assert run(["import", str(export), "--to", str(tmp_path / "e")]) == 0
    out = capsys.readouterr().out
    assert "Added to CloudAppEvents: 1" in out
    assert "Set aside (not JSON): 1" in out
    at = ["--at", "2026-03-25T11:00Z"]
    assert run(["grade", str(tmp_path / "e"), "--connector", "relay", *at, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["classification"] == "unknown"
    states = {table["table"]: table["state"] for table in printed["coverage"]}
    assert states["EmailEvents"] == "missing"
    assert states["CloudAppEvents"] != "missing"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["grade", "{folder}", "--connector", "x", "--at", "yesterday"], "ISO 8601"),
        (["grade", "{folder}", "--connector", "x", "--at", "9999-12-31"], "time"),
        (["grade", "{folder}", "--connector", "x", "--at", "0001-01-01"], "time"),
        (["grade", "{folder}", "--connector", "x"], "--at"),
        (["grade", "{folder}", "--at", "2026-03-25"], "--connector"),
        (["grade", "{folder}", "--connector", "no such", "--at", "2026-03-25"], "nearest"),
        (["grade", "/no/such", "--connector", "x", "--at", "2026-03-25"], "no such folder"),
        (["hunt", "/no/such"], "no such folder"),
        (["hunt", "{empty}"], "no table in it"),
        (["hunt", "{folder}", "--at", "25.03.2026"], "ISO 8601"),
        (["hunt", "{folder}", "--context", "/no/such.toml"], "context"),
        (["hunt", "{folder}", "--frobnicate"], "frobnicate"),
        (["hunt", "{folder}", "--html", "{empty}"], "is a folder"),
        (["hunt", "{folder}", "--html", "{empty}/no/hunt.html"], "no folder"),
        (
            ["grade", "{folder}", "--connector", "x", "--at", "2026-03-25", "--html", "{empty}"],
            "is a folder",
        ),
        (
            ["grade", "{folder}", "--connector", "x", "--at", "2026-03-25", "--json", "--markdown"],
            "either JSON or Markdown",
        ),
        (["frobnicate"], "frobnicate"),
        (["schema", "EmailEvent"], "no table"),
        (["import", "--to", "{empty}"], "at least one file"),
        (["import", "/no/such.json", "--to", "{empty}"], "/no/such.json"),
        (["import", "s3://bucket/x?sig=a", "--to", "{empty}"], "copy there what is at the address"),
        (["compact", "{empty}"], "no table in it"),
        (["hunt", "{folder}", "--accepted-domain", "not a domain"], "expected a domain"),
        (["lint", "/no/such"], "/no/such: no such folder"),
        (["lint"], "parameter DIR requires"),
        (["lint", "{empty}", "--context", "{folder}/EmailEvents.parquet"], "EmailEvents.parquet"),
        (["demo", "--mails", "many"], "many"),
        (["demo", "--to", "{folder}/EmailEvents.parquet/x"], "x cannot be used (Not a directory)"),
        (["demo", "--mails", "-1", "--to", "{empty}/new"], "mails"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_why(
    arguments: list[str], told: str, folder: Path, tmp_path: Path, capsys: Screen
) -> None:
    filled = [a.format(folder=folder, empty=tmp_path) for a in arguments]
    assert told in refused(capsys, *filled)


@pytest.mark.parametrize("command", ["lint", "hunt"])
def test_a_broken_context_is_named(command: str, tmp_path: Path, capsys: Screen) -> None:
    (tmp_path / "context.toml").write_text("partners = 3 3", "utf-8")
    told = refused(capsys, command, str(tmp_path))
    assert f"{tmp_path / 'context.toml'}: not TOML" in told


def test_an_import_of_nothing_says_what_it_was_given(tmp_path: Path, capsys: Screen) -> None:
    evidence = tmp_path / "e"
    (exports := tmp_path / "exports").mkdir()
    nothing = f"no file to read in {exports}"
    for told in (nothing, "a header without rows", "is the evidence folder itself"):
        given = evidence if "itself" in told else exports
        assert run(["import", str(given), "--to", str(evidence)]) == 2
        assert told in capsys.readouterr().err
        (exports / "mail.csv").write_text("Timestamp,NetworkMessageId,Subject\n", "utf-8")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(b"PAR1 not really"), "is not a Parquet file"),
        (lambda path: path.write_bytes(b""), "is not a Parquet file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-3000] + b"PAR1"), "EmailEvents"),
        (
            lambda path: (
                pl.read_parquet(path).with_columns(UrlCount=pl.lit("many")).write_parquet(path)
            ),
            "UrlCount",
        ),
        (
            lambda path: (
                pl.read_parquet(path).with_columns(Timestamp=pl.lit(value=True)).write_parquet(path)
            ),
            "Timestamp",
        ),
        (
            lambda path: (
                pl.read_parquet(path).with_columns(Subject=pl.lit(b"\x00")).write_parquet(path)
            ),
            "Subject",
        ),
    ],
)
def test_damaged_files_and_columns_are_named(
    damage: object, told: str, tenant: Tenant, tmp_path: Path, capsys: Screen
) -> None:
    write_evidence(tenant.frames, tmp_path)
    damage(tmp_path / "EmailEvents.parquet")  # type: ignore[operator]
    assert told in refused(capsys, "hunt", str(tmp_path))


@pytest.mark.parametrize("at", ["1990-01-01", "2200-01-01"])
def test_a_time_outside_the_data_is_graded_unknown(
    at: str, folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    assert run(["grade", str(folder), "--connector", hijacked[0], "--at", at, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["classification"] == "unknown"
    assert {table["state"] for table in printed["coverage"]} == {"empty"}


def test_hostile_names_reach_neither_terminal_nor_pipe_as_they_are(
    tenant: Tenant, tmp_path: Path, capsys: Screen
) -> None:
    name = next(c.name for c in tenant.connectors if not c.honest)
    hostile = "Relay \x1b[2J\u202e[red]\x07'; Remove-Mailbox\n$(calc)"
    frames = dict(tenant.frames)
    mail = frames["EmailEvents"]
    frames["EmailEvents"] = mail.with_columns(
        pl.col("Connectors").replace(name, hostile), Subject=pl.lit("\x1b]0;owned\x07")
    )
    write_evidence(frames, tmp_path)
    assert tenant.at is not None
    command = ["grade", str(tmp_path), "--connector", hostile, "--at", iso(tenant.at)]
    for extra in ([], ["--json"], ["--markdown"]):
        assert run([*command, *extra]) == 0
        out = capsys.readouterr().out
        assert unseen(out.replace("\n", "")) == set()
        assert "Remove-Mailbox" in out
        assert "[red]" in out


def test_no_name_or_value_floods_the_screen_and_commands_stay_whole(capsys: Screen) -> None:
    found = attrs.evolve(poisoned(attacked(), "A" * 100_000), actions=attacked().actions)
    console = Console(width=80)
    grades.grade(console, found)
    grades.brief(console, found)
    grades.ranking(console, Hunt([found] * 3))
    show.rows(console, pl.DataFrame({"Subject": ["A" * 100_000] * 50}))
    out = capsys.readouterr().out
    assert "more characters)" in out
    assert len(out) < 100_000
    long = attrs.evolve(found.actions[0], command=f"Get-Mailbox {'A' * 100_000}")
    grades.grade(console, attrs.evolve(found, actions=(long,)))
    assert long.command in capsys.readouterr().out


def test_an_error_about_a_long_name_is_short(folder: Path, capsys: Screen) -> None:
    asked = ("grade", str(folder), "--connector", "A" * 100_000, "--at", "2026-03-25")
    assert len(refused(capsys, *asked)) < 3_000


def test_the_module_runs_as_a_program_and_a_closed_pipe_or_odd_locale_does_no_harm(
    folder: Path,
) -> None:
    command = [sys.executable, "-W", "error", "-m", "exconn", "hunt", str(folder)]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "true positive" in done.stdout


def test_a_demo_is_the_same_tenant_for_the_same_seed(tenant: Tenant) -> None:
    again = demo_tenant(11, mails=2_000)
    assert again.at == tenant.at
    grades = [hunt(MemorySource(t.frames)) for t in (tenant, again)]
    assert [g.margin for g in grades[0]] == [g.margin for g in grades[1]]
    assert grades[0][0].at - timedelta(days=7) >= grades[0][0].window.start.replace(tzinfo=UTC)


def test_an_import_of_nothing_that_is_read_fails_and_says_so(
    tmp_path: Path, capsys: Screen
) -> None:
    export = tmp_path / "portal.csv"
    export.write_text("Timestamp,Subject\n2026-03-25,Hello\n")
    assert run(["import", str(export), "--to", str(tmp_path / "e")]) == 2
    captured = capsys.readouterr()
    assert "no record of 1 could be used, 1 for this: no table that exconn reads" in captured.err
    assert "no table that exconn reads" in captured.out
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("form", ["", "--json", "--markdown"])
def test_a_reader_that_stops_early_is_no_error(
    folder: Path, hijacked: tuple[str, str], form: str
) -> None:
    name, at = hijacked
    command = [sys.executable, "-m", "exconn", "grade", str(folder), "--connector", name]
    told = shlex.join([*command, "--at", at, *([form] if form else [])])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{told} | head -c 10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout) == 10
    assert done.stderr == ""
    assert done.returncode == 0


def test_commands_are_never_cut_however_narrow_the_screen(
    folder: Path, hijacked: tuple[str, str], capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name, at = hijacked
    assert run(["grade", str(folder), "--connector", name, "--at", at]) == 0
    out = capsys.readouterr().out
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    for action in grade(ParquetSource(folder), alert).actions:
        assert f"   {action.command}\n" in out


def test_kql_lists_queries_and_prints_them_for_each_dialect(capsys: Screen) -> None:
    assert run(["kql"]) == 0
    assert "minute_bursts" in capsys.readouterr().out
    asked = ["--start", "2026-03-01", "--end", "2026-03-08", "--connector", 'a"b']
    assert run(["kql", "connector_volume", *asked]) == 0
    text = capsys.readouterr().out
    assert text.startswith("EmailEvents\n| where Timestamp >= datetime(2026-03-01)")
    assert '"a\\"b"' in text
    for dialect in ("defender", "sentinel", "kusto"):
        assert run(["kql", "--all", "--json", "--dialect", dialect]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert set(printed) == set(CATALOGUE)
        assert printed["connector_hours"]["columns"]["Messages"] == "long"
        assert all(described["kql"] for described in printed.values())
    assert run(["kql", "logon_places"]) == 0
    assert 'in ("<account>")' in capsys.readouterr().out
    assert "nearest: bulk_senders" in refused(capsys, "kql", "bulk_sender")
    assert "dialect" in refused(capsys, "kql", "bulk_senders", "--dialect", "sql")
    assert "dialect" in refused(capsys, "kql", "--dialect", "sql")
    assert "takes no --account" in refused(capsys, "kql", "bulk_senders", "--account", "a")
    assert run(["kql", "mail_from", "--domain", "a.example"]) == 0
    assert "<" not in capsys.readouterr().out.replace("< datetime", "")
    assert run(["kql", "--all", "--connector", "Relay"]) == 0
    texts = capsys.readouterr().out.split("\n\n")
    assert 'Connector == "relay"' in next(t for t in texts if "// connector_hours" in t)


def test_query_runs_one_on_a_folder_and_shows_its_rows(folder: Path, capsys: Screen) -> None:
    assert run(["query", "connector_hours", str(folder)]) == 0
    assert "rows, the first 10 shown" in capsys.readouterr().out
    assert run(["query", "connector_changes", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["ActionType"] for row in rows} & {"Set-InboundConnector"}
    later = ["--start", "2031-01-01", "--end", "2032-01-01"]
    assert run(["query", "connector_hours", str(folder), *later, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert "no query" in refused(capsys, "query", "nothing", str(folder))


def test_a_query_tells_of_the_connector_that_is_named_alone(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    name, _ = hijacked
    asked = ["query", "connector_hours", str(folder), "--json", "--connector"]
    assert run([*asked, name.upper()]) == 0
    captured = capsys.readouterr()
    assert {row["Connector"] for row in json.loads(captured.out)} == {name.lower()}
    assert not captured.err
    assert run([*asked, name[:-1]]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert repr(name) in captured.err


def test_a_query_says_nothing_of_names_where_none_are_told(
    folder: Path, tmp_path: Path, capsys: Screen
) -> None:
    mail = pl.read_parquet(folder / "EmailEvents.parquet").drop("Connectors")
    write_evidence({"EmailEvents": mail}, tmp_path)
    assert run(["query", "connector_hours", str(tmp_path), "--connector", "Relay", "--json"]) == 0
    err = capsys.readouterr().err
    assert "lacks Connectors" in err
    assert "Relay" not in err


def test_an_answer_that_rests_on_what_is_not_there_says_so(
    folder: Path, tmp_path: Path, capsys: Screen
) -> None:
    asked = [str(folder), "--connector", "x"]
    assert "no table UrlClickEvents" in refused(capsys, "query", "link_clicks", *asked)
    mail = pl.read_parquet(folder / "EmailEvents.parquet").drop("Connectors")
    write_evidence({"EmailEvents": mail}, tmp_path)
    assert run(["query", "connector_hours", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert "EmailEvents lacks Connectors" in captured.err


@pytest.mark.parametrize("name", CATALOGUE)
def test_queries_are_asked_about_what_they_need_and_nothing_in_vain(
    name: str, folder: Path, capsys: Screen
) -> None:
    options = {
        "connector": "--connector",
        "accounts": "--account",
        "addresses": "--address",
        "domains": "--domain",
        "accepted_domains": "--accepted-domain",
    }
    period = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    mark = "mark-of-this-test"

    def kql(what: str) -> str:
        asked = Asked(
            period=period,
            connector=mark if what == "connector" else "",
            accounts=(mark,) if what == "accounts" else (),
            addresses=(mark,) if what == "addresses" else (),
            domains=(mark,) if what == "domains" else (),
            accepted_domains=(mark,) if what == "accepted_domains" else (),
        )
        return about(name, asked).to_kql()

    heard = {what for what in options if kql(what) != kql("nothing")}
    assert takes(name) == heard
    for what, option in options.items():
        if what not in heard:
            told = refused(capsys, "query", name, str(folder), option, mark)
            assert f"{name} takes no {option}" in told
    if needed := NEEDS.get(name):
        told = refused(capsys, "query", name, str(folder))
        assert f"{name} needs {' or '.join(options[what] for what in needed)}" in told


def test_the_catalogue_has_every_query_that_is_shipped() -> None:
    made = {
        name
        for name, value in vars(queries).items()
        if callable(value) and not name.startswith("_") and value.__module__ == queries.__name__
    }
    assert set(CATALOGUE) == made
    assert len(PLAYBOOK_QUERIES) == 5


def test_evidence_tables_are_written_beside_what_is_printed(
    folder: Path, hijacked: tuple[str, str], tmp_path: Path, capsys: Screen
) -> None:
    name, at = hijacked
    tables = tmp_path / "tables"
    command = ["grade", str(folder), "--connector", name, "--at", at, "--evidence", str(tables)]
    assert run(command) == 0
    assert "The tables of evidence are in" in capsys.readouterr().out
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    expected = grade(ParquetSource(folder), alert).evidence.to_frames()
    assert {path.name for path in tables.iterdir()} == {
        f"{table}.{kind}" for table in expected for kind in ("csv", "parquet")
    }
    assert pl.read_parquet(tables / "senders.parquet").equals(expected["senders"])
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["connector"] == name
    (tmp_path / "file").write_text("")
    refused(capsys, *command[:-1], str(tmp_path / "file"))


def test_long_lists_are_cut_and_say_so_and_preconditions_are_told_once(
    folder: Path, hijacked: tuple[str, str], capsys: Screen
) -> None:
    name, at = hijacked
    assert run(["grade", str(folder), "--connector", name, "--at", at]) == 0
    out = capsys.readouterr().out
    why = out[out.index("\nWhy\n") : out.index("\nThe playbook's questions\n")]
    assert len(re.findall(r"^ [+-]\d\.\d\d ", why, re.MULTILINE)) == 12
    more = re.search(r"^and (\d+) more, which add ([+-]\d+\.\d\d)", why, re.MULTILINE)
    assert more is not None
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    fired = grade(ParquetSource(folder), alert).contributions
    assert int(more[1]) == len(fired) - 12
    assert float(more[2]) == pytest.approx(sum(f.contribution for f in fired[12:]), abs=0.01)
    assert re.search(r"^Before: as for \d+\.$", out, re.MULTILINE)
    before = re.findall(r"^Before: (.*)$", out, re.MULTILINE)
    assert all(one != two or one.startswith("as for") for one, two in pairwise(before))


def test_wide_rows_are_shown_one_under_the_other(
    folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["query", "connector_hours", str(folder)]) == 0
    narrow = capsys.readouterr().out
    assert "\n Row 1 " in narrow
    assert "rows, the first 10 shown" in narrow
    assert all(len(line) <= 80 for line in narrow.splitlines())
    monkeypatch.setenv("COLUMNS", "250")
    assert run(["query", "connector_hours", str(folder)]) == 0
    wide = capsys.readouterr().out
    assert "Row 1" not in wide
    assert "rows, the first 50 shown" in wide


# Stretches of an hour, as of a tenant that is too large to be held at once.
IN_HOURS = """
import sys
from exconn.__main__ import main
from exconn.sources import _stretches

_stretches._ROWS_AT_ONCE = 1
sys.argv[0] = "exconn"
main()
"""


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_amid_a_hunt_is_one_line_and_leaves_nothing_running(
    folder: Path, presses: int
) -> None:
    own, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", IN_HOURS, "hunt", str(folder)],
        stdout=subprocess.PIPE,
        stderr=end,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"},
        # A shell may have it ignored for what it runs behind the scenes.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        os.close(end)
        shown = b""
        while not re.search(rb"reading .*: \d+% \(2026-", shown):
            shown += os.read(own, 4096)
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
        told = drained(own)
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 130
    assert "Traceback" not in told
    assert told.endswith("exconn: interrupted\r\n"), told


def test_a_reader_tells_how_much_is_done_and_how_long_the_rest_will_take() -> None:
    told: list[str] = []
    times = iter([100.0, 110.0, 140.0, 141.0])
    reader = Reader(told.append, lambda: next(times))
    period = Period(datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC))
    reader.begin("reading EmailEvents")
    for done in (1, 20, 40):
        reader.read(Reading(period, done, 40))
    assert told == [
        "reading EmailEvents",
        "reading EmailEvents: 2% (2026-03-02), about 6 min left",
        "reading EmailEvents: 50% (2026-03-02), about 40 s left",
        "reading EmailEvents: 100% (2026-03-02), about 0 s left",
    ]


def test_an_address_is_asked_and_its_errors_are_one_line(
    tenant: Tenant, hijacked: tuple[str, str], capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, at = hijacked
    with bucket() as place:
        for option, value in place.options.items():
            monkeypatch.setenv(option.upper(), str(value))
        for table, frame in tenant.frames.items():
            place.put(f"evidence/{table}.parquet", frame)
        place.objects["evidence/context.toml"] = b'accepted_domains = ["nobody.example"]'
        command = ["grade", place.url, "--connector", name, "--at", at, "--json"]
        assert run(command) == 0
        assert json.loads(capsys.readouterr().out)["facts"]["external_share"] == 1.0
    monkeypatch.setenv("POLARS_CLOUD_MAX_RETRIES", "0")  # nobody is there any more
    assert "check the address" in refused(capsys, *command)


def on_a_terminal(folder: Path, **environment: str) -> tuple[str, str]:
    """What a hunt shows on a terminal of 80 columns, and on its stderr, another one."""
    shown = [pty.openpty() for _ in range(2)]
    for _, end in shown:
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "exconn", "hunt", str(folder)],
        stdout=shown[0][1],
        stderr=shown[1][1],
        env={**kept, "TERM": "xterm-256color", **environment},
    )
    for _, end in shown:
        os.close(end)
    with ThreadPoolExecutor() as pool:
        out, err = pool.map(drained, (own for own, _ in shown))
    assert process.wait() == 0
    return out, err


def drained(terminal: int) -> str:
    """All that is written to a terminal until it is closed."""
    told = b""
    with contextlib.suppress(OSError):  # so Linux says that the other end is closed
        while read := os.read(terminal, 4096):
            told += read
    os.close(terminal)
    return told.decode()


def test_a_terminal_has_colours_and_progress_on_stderr_that_says_what_is_read(
    folder: Path,
) -> None:
    out, err = on_a_terminal(folder)
    assert "\x1b[1;31mtrue positive" in out
    assert "Hunting" not in out
    assert re.search(r"Hunting: (looking|reading|computing).*\d:\d\d:\d\d", err)


def test_a_watched_source_says_which_tables_are_read_and_answers_as_before(
    tenant: Tenant, hijacked: tuple[str, str]
) -> None:
    name, at = hijacked
    alert = Alert(connector=name, timestamp=datetime.fromisoformat(at))
    told: list[str] = []
    source = MemorySource(tenant.frames)
    assert grade(Watched(source, told.append), alert).to_json() == grade(source, alert).to_json()
    assert told[:7] == [
        "looking at EmailEvents, CloudAppEvents, IdentityLogonEvents",
        "reading EmailEvents, CloudAppEvents",
        "computing",
        "reading EmailEvents",
        "computing",
        "reading IdentityLogonEvents",
        "computing",
    ]


def test_no_color_is_heeded(folder: Path) -> None:
    out, _ = on_a_terminal(folder, NO_COLOR="1")
    assert "true positive" in out
    assert not re.search(r"\x1b\[[\d;]*3\dm", out)


def test_a_pipe_has_neither_colour_nor_progress(folder: Path) -> None:
    command = [sys.executable, "-m", "exconn", "hunt", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_demo_fits_on_two_screens(tmp_path: Path, capsys: Screen) -> None:
    assert run(["demo", "--to", str(tmp_path / "d"), "--mails", "2000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 115
    assert all(len(line) <= 80 for line in lines if not line.startswith("   "))


def test_a_hunt_where_there_is_no_data_says_so(folder: Path, capsys: Screen) -> None:
    assert run(["hunt", str(folder), "--at", "2030-01-01"]) == 0
    out = capsys.readouterr().out
    number = len(hunt(ParquetSource(folder), at=datetime(2030, 1, 1, tzinfo=UTC)))
    assert number
    for table in ("EmailEvents", "CloudAppEvents", "IdentityLogonEvents"):
        assert f"{table} is empty in {number} of {number} windows: no rows in the window" in out
    assert run(["hunt", str(folder)]) == 0
    assert "windows." not in capsys.readouterr().out

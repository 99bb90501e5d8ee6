"""Whatever is typed, the command line ends with 0 or 2, and without a traceback.

Each case runs in a folder of its own; no path that it draws leads out of that.
"""

import contextlib
import io
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exconn.cli import run
from exconn.facts.catalogue import CATALOGUE
from exconn.simulate import demo_tenant
from exconn.sources import write_evidence

_COMMANDS = ("grade", "hunt", "kql", "query", "schema", "import", "lint")
_OPTIONS = (
    "--connector",
    "--at",
    "--accepted-domain",
    "--context",
    "--policy",
    "--html",
    "--evidence",
    "--markdown",
    "--json",
    "--all",
    "--dialect",
    "--start",
    "--end",
    "--account",
    "--address",
    "--domain",
    "--grade",
    "--to",
    "--help",
    "--version",
    "--no-json",
    "--",
    "-",
    "--conn",
    "--json=maybe",
    "--at=",
)
_PATHS = (
    "evidence",
    "evidence/EmailEvents.parquet",
    "nothing",
    "empty",
    "notes.txt",
    "new",
    "",
    ".",
)
_TEXTS = (
    "",
    " ",
    "Relay",
    "\u202e[red]",
    "\x1b[2J",
    "\udcff",
    "[/]",
    "{0}",
    "%s",
    "a" * 5_000,
    "\n",
    "'; Remove-Mailbox",
    "*",
    "-1",
    "\U0001f600",
)
_TIMES = (
    "2026-03-25T11:00Z",
    "2026-03-25",
    "0001-01-01T00:00+14:00",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59-14:00",
    "2026-02-30",
    "now",
    "1e3",
    "20260325",
    "2026-W13-3",
    "24:00",
    "\u0662\u0660\u0662\u0666-\u0660\u0663-\u0662\u0665",
)
_OTHERS = ("defender", "sentinel", "kusto", "EmailEvents", "emailevents", *CATALOGUE)
_FILES = {
    "notes.txt": b"nothing that exconn reads\n",
    "context.toml": b'accepted_domains = ["own.example"]\n',
    "policy.toml": b"true_positive = 2\n",
    "bad.toml": b"[[[",
    "bytes.toml": b"\xff\xfe\x00",
    "odd.toml": b'true_positive = "much"\naccepted_domains = 3\n[weights]\nx = []\n',
}


@contextmanager
def arguments() -> Iterator[Callable[[random.Random], None]]:
    """A case is one command line."""
    tenant = demo_tenant(1, mails=2_000)
    names = tuple(connector.name for connector in tenant.connectors)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as made:
        whole = Path(made, "whole")
        write_evidence(tenant.frames, whole)

        def case(rng: random.Random) -> None:
            with tempfile.TemporaryDirectory(dir=made) as folder:
                os.chdir(folder)
                shutil.copytree(whole, "evidence")
                Path("empty").mkdir()
                for name, content in _FILES.items():
                    Path(name).write_bytes(content)
                check(drawn(rng, names))

        try:
            yield case
        finally:
            os.chdir(before)


def drawn(rng: random.Random, names: tuple[str, ...]) -> list[str]:
    """A command line: often nearly a right one, now and then just words."""
    values = (_PATHS, _TEXTS, _TIMES, _OTHERS, tuple(_FILES), names)
    command = rng.choice(_COMMANDS)
    line = {
        "grade": ["grade", "evidence", "--connector", rng.choice(names), "--at", _TIMES[0]],
        "hunt": ["hunt", "evidence"],
        "kql": ["kql", rng.choice(tuple(CATALOGUE))],
        "query": ["query", rng.choice(tuple(CATALOGUE)), "evidence"],
        "schema": ["schema"],
        "import": ["import", rng.choice((*_PATHS, *_FILES)), "--to", "new"],
        "lint": ["lint", "evidence"],
    }[command]
    if rng.random() < 0.1:
        line = []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        words = [rng.choice(_OPTIONS)] if rng.random() < 0.6 else []
        words += [rng.choice(rng.choice(values))] if rng.random() < 0.8 else []
        match rng.randrange(4):
            case 0 if line:
                line[rng.randrange(len(line))] = (words or [""])[0]
            case 1:
                at = rng.randrange(len(line) + 1)
                line[at:at] = words
            case _:
                line += words
    return line


def check(line: list[str]) -> None:
    """Run it as a process would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(line)
    err.seek(0)
    told = err.read()
    assert status in (0, 2), f"{status}: {line}"
    assert "Traceback" not in told, f"{line}\n{told}"
    if status == 2:
        assert told.startswith("exconn: "), f"{line}\n{told}"
        assert told.count("\n") == 1, f"{line}\n{told}"

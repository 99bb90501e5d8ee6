"""Mutated exports never end an import with an exception, and its numbers always add up."""

import gzip
import io
import json
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exconn.errors import ExconnError
from exconn.ingest import import_files
from exconn.simulate import Tenant, demo_tenant
from exconn.sources import read_context
from test_entra import APPLICATIONS_LOG, DOWNLOADED, GRAPH, LOG, SERVICE
from test_ingest import CHANGE, MAIL, SIGN_IN, TRACE
from test_listings import EVERYTHING

Json = Any

_A_FILE = 50
_NASTY: tuple[Json, ...] = (
    None,
    "",
    "\x00",
    "\ud800",
    "\u202e",
    "=cmd|' /C calc'!A0",
    "9" * 400,
    -(2**63),
    2**64,
    1e308,
    float("nan"),
    float("inf"),
    True,
    [],
    {},
    [[[[[]]]]],
    {"": {"": {"": None}}},
    "{",
    '{"a": 1',
    "[" * 50 + "]" * 50,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "2026-02-30T25:61:61Z",
    "/Date(-62135596800000)/",
    "/Date(99999999999999999)/",
    "1/2/2026",
    "::ffff:1.2.3.4",
    "[::1]:99999",
    "a@b@c",
    "../../../etc/passwd",
    "smtp:*;1",
)


def records(tenant: Tenant) -> list[dict[str, Json]]:
    """Records of every shape that is read."""
    rows = [
        json.loads(line)
        for frame in tenant.frames.values()
        for line in frame.head(5).write_ndjson().splitlines()
    ]
    streamed = [
        {"time": row.get("Timestamp"), "category": "AdvancedHunting-EmailEvents", "properties": row}
        for row in rows[:5]
    ]
    wrapped = [{"CreationDate": "2026-03-02", "AuditData": json.dumps(CHANGE), "Operations": "x"}]
    signed_in = [LOG, GRAPH, DOWNLOADED, SERVICE, APPLICATIONS_LOG]
    own = [MAIL, CHANGE, SIGN_IN, TRACE, *signed_in, *EVERYTHING]
    return [*rows, *streamed, *wrapped, {"records": own}, {"Results": rows[:3]}, *own]


def mutated(value: Json, rng: random.Random) -> Json:
    """The same value with something in it gone, changed, doubled, or put elsewhere."""
    if isinstance(value, dict) and value:
        changed = dict(value)
        for _ in range(rng.choice((1, 1, 2, 5))):
            name = rng.choice(list(changed)) if changed else ""
            match rng.randrange(6):
                case 0:
                    changed.pop(name, None)
                case 1:
                    changed[name] = rng.choice(_NASTY)
                case 2:
                    changed[name] = mutated(changed.get(name), rng)
                case 3:
                    changed[rng.choice((name.upper(), name.lower(), f"{name}_s", f" {name}"))] = (
                        changed.pop(name, None)
                    )
                case 4:
                    changed[name] = json.dumps(changed.get(name))
                case _:
                    changed[rng.choice(list(value))] = changed.get(name)
        return changed
    if isinstance(value, list) and value:
        return [mutated(element, rng) for element in value] + rng.choice(([], value[:1]))
    if isinstance(value, str) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return (
            value[:at] + rng.choice(("", "\x00", '"', ",", "\n", "\u00e9", "9")) + value[at + 1 :]
        )
    return rng.choice(_NASTY)


def as_lines(told: list[Json]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in told).encode()


def as_array(told: list[Json]) -> bytes:
    return json.dumps(told, indent=random.Random(len(told)).choice((None, 1))).encode()


def as_csv(told: list[Json]) -> bytes:
    flat = [record for record in told if isinstance(record, dict)]
    names = sorted({str(name) for record in flat for name in record})[:60]
    rows = [[json.dumps(record.get(name)) for name in names] for record in flat]
    lines = [
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in (names, *rows)
    ]
    return "\n".join(lines).encode("utf-8", "replace")


def as_gzip(told: list[Json]) -> bytes:
    return gzip.compress(as_lines(told), mtime=0)


def as_zip(told: list[Json]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/lines.json", as_lines(told))
        archive.writestr("../table.csv", as_csv(told))
    return packed.getvalue()


FORMS: tuple[Callable[[list[Json]], bytes], ...] = (as_lines, as_array, as_csv, as_gzip, as_zip)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Now and then, a file with some bytes changed, lost or doubled, or in another encoding."""
    changed = bytearray(content)
    match rng.randrange(5):
        case 0:
            for _ in range(rng.randrange(1, 20)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
        case 1:
            del changed[rng.randrange(len(changed)) :]
        case 2:
            at = rng.randrange(len(changed))
            changed[at:at] = changed[at : at + rng.randrange(1, 300)]
        case 3:
            return content.decode("utf-8", "replace").encode(
                rng.choice(("utf-16", "latin-1")), "replace"
            )
    return bytes(changed)


@contextmanager
def imports() -> Iterator[Callable[[random.Random], None]]:
    """A case imports a few files of mutated records, one after the other, into one folder."""
    shapes = records(demo_tenant(1, mails=2_000))

    def case(rng: random.Random) -> None:
        with tempfile.TemporaryDirectory() as made:
            file, evidence = Path(made, "export"), Path(made, "evidence")
            for _ in range(3):
                told = [mutated(rng.choice(shapes), rng) for _ in range(_A_FILE)]
                file.write_bytes(damaged(rng.choice(FORMS)(told), rng))
                try:
                    summary = import_files([file], evidence)
                    read_context(evidence)
                except ExconnError:
                    continue
                told_of = summary.rows + sum(summary.listed.values())
                assert summary.read == told_of + summary.duplicates + summary.rejected, summary

    yield case

"""Import a streaming export of many gigabytes, and tell how much memory and time that took.

``python benchmarks/import_size.py [GIGABYTES] [FORM]``: forms are ``lines`` (an envelope of the
streaming export a line), ``array`` (a JSON array in one line) and ``pretty`` (indented).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from exconn.simulate import demo_tenant

GIGABYTE = 1 << 30
MEMORY = 1.0
"""Gigabytes that an import may need, whatever its size."""


def envelopes() -> Iterator[dict[str, Any]]:
    """Mail of a simulated tenant, again and again: each time a week later, with other IDs."""
    mail = demo_tenant(mails=20_000).frames["EmailEvents"]
    week = 0
    while True:
        later = mail.with_columns(
            pl.col("Timestamp") + timedelta(weeks=week),
            NetworkMessageId=pl.format("{}-{}", "NetworkMessageId", pl.lit(week)),
        )
        for line in later.write_ndjson().splitlines():
            row = json.loads(line)
            yield {
                "time": row["Timestamp"],
                "category": "AdvancedHunting-EmailEvents",
                "properties": row,
            }
        week += 1


def write(file: Path, gigabytes: float, form: str) -> int:
    """Write so much of an export, and return the number of its records."""
    records = size = 0
    gap = "\n" if form == "lines" else ","
    with file.open("w", encoding="utf-8") as out:
        if form != "lines":
            out.write("[")
        for envelope in envelopes():
            text = json.dumps(envelope, indent=2 if form == "pretty" else None)
            size += out.write(gap * bool(records) + text)
            records += 1
            if size >= gigabytes * GIGABYTE:
                break
        out.write("\n" if form == "lines" else "]")
    return records


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    form = sys.argv[2] if len(sys.argv) > 2 else "lines"
    with tempfile.TemporaryDirectory() as place:
        export, folder = Path(place, "export.json"), Path(place, "evidence")
        records = write(export, gigabytes, form)
        began = time.monotonic()
        command = [sys.executable, "-m", "exconn", "import", str(export), "--to", str(folder)]
        subprocess.run(command, check=True)
        seconds = time.monotonic() - began
        rows = pl.scan_parquet(folder / "EmailEvents").select(pl.len()).collect().item()
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / GIGABYTE
        print(f"{gigabytes:g} GB ({form}): {records:,} records, {rows:,} rows")
        print(f"{used:.2f} GB of memory")
        print(f"{seconds:.0f} s, {records / seconds:,.0f} records a second; {os.cpu_count()} cores")
    if rows != records or used > MEMORY:
        sys.exit(f"expected {records:,} rows and at most {MEMORY:g} GB of memory")


if __name__ == "__main__":
    main()

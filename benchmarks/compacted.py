"""What ``exconn compact`` gains for the grade of one connector.

``python benchmarks/compacted.py DIR [ROUNDS]``, after ``python benchmarks/tenant.py DIR 1.5``: the
folder as it is, a file an hour; the same rows in seven files in no order; and both compacted. They
take turns, each grade in a process of its own.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
from tenant import HIJACKED, HIJACKED_AT

from exconn.sources import compact_evidence

TABLES = ("EmailEvents", "CloudAppEvents", "IdentityLogonEvents")
GRADE = """
import sys
from datetime import datetime
from exconn import Alert, ParquetSource, grade

alert = Alert(connector=sys.argv[2], timestamp=datetime.fromisoformat(sys.argv[3]))
print(grade(ParquetSource(sys.argv[1]), alert).margin)
"""


def unordered(folder: Path, target: Path) -> None:
    for table in TABLES:
        (target / table).mkdir(parents=True)
        rows = pl.read_parquet(folder / table / "*.parquet")
        rows = rows.sample(fraction=1, shuffle=True, seed=1)
        size = -(-rows.height // 7)
        for number in range(7):
            part = rows[number * size : (number + 1) * size]
            part.write_parquet(target / table / f"{number}.parquet", compression="zstd")


def graded(folder: Path) -> tuple[float, str]:
    """The CPU seconds of a grade, and what it found."""
    before = os.times()
    asked = [sys.executable, "-c", GRADE, str(folder), HIJACKED, HIJACKED_AT.isoformat()]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    after = os.times()
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system, found


def main(folder: Path, rounds: int) -> None:
    copies = folder.with_name(f"{folder.name}-compacted")
    shutil.rmtree(copies, ignore_errors=True)
    places = {"hours": folder, "unordered": copies / "unordered"}
    unordered(folder, places["unordered"])
    for name in list(places):
        places[f"{name}, compacted"] = shutil.copytree(places[name], copies / f"{name} compacted")
        begun, used = time.perf_counter(), time.process_time()
        compact_evidence(places[f"{name}, compacted"])
        print(
            f"compacting {name}: {time.perf_counter() - begun:.1f} s, "
            f"{time.process_time() - used:.1f} CPU s"
        )
    took: dict[str, list[float]] = {name: [] for name in places}
    margins = set()
    for _ in range(rounds):
        for name, place in places.items():
            seconds, margin = graded(place)
            took[name].append(seconds)
            margins.add(margin)
    assert len(margins) == 1
    for name, place in places.items():
        files = list(place.rglob("*.parquet"))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{name}: {len(files)} files, {size:.0f} MB, {min(took[name]):.1f} CPU s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)

"""Run the contenders in turns on one folder, and print ratios of medians.

``python benchmarks/run.py DIR [ROUNDS] [NAME...]``; make the folder with ``benchmarks/tenant.py``.
Each run is a process of its own, and the first round, which warms the cache of files, does not
count. Fails where contenders answer the same question differently.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

ALL = ("decode", "hunt", "grade", "exconn", "duckdb", "polars")
SAME = ("exconn", "duckdb", "polars", "pandas")


def measured(name: str, folder: str) -> dict[str, Any]:
    """One run of a contender in a process of its own."""
    contenders = Path(__file__).with_name("contenders.py")
    done = subprocess.run(
        [sys.executable, str(contenders), name, folder], check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    folder = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    names = sys.argv[3:] or ALL
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number in range(rounds + 1):
        for name in names:
            run = measured(name, folder)
            if number or rounds == 0:
                runs[name].append(run)
    rows = pl.scan_parquet(Path(folder, "EmailEvents", "*.parquet")).select(pl.len()).collect()
    print(f"{rows.item():,} mails, {rounds} rounds")
    print("| | seconds | of decode | of duckdb | CPU seconds | peak memory, GB |")
    print("|---|---|---|---|---|---|")
    middle = {name: median(run["seconds"] for run in found) for name, found in runs.items()}
    for name, found in runs.items():
        ratios = [
            f"{middle[name] / middle[other]:.2f}" if other in middle else ""
            for other in ("decode", "duckdb")
        ]
        cpu, peak = (median(run[key] for run in found) for key in ("cpu", "peak"))
        print(f"| {name} | {middle[name]:.1f} | {' | '.join(ratios)} | {cpu:.1f} | {peak:.2f} |")
    answers = {name: found[0]["answer"] for name, found in runs.items() if name in SAME}
    if any(answer != next(iter(answers.values())) for answer in answers.values()):
        sys.exit(f"the contenders differ: {json.dumps(answers)[:2_000]}")


if __name__ == "__main__":
    main()

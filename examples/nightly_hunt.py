"""A nightly hunt whose grades go to Parquet, a row for each connector and night.

Run it from a scheduler as ``python nightly_hunt.py EVIDENCE HISTORY``. Without arguments it makes a
tenant and hunts on three nights. A second run of the same night replaces its file.
"""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from exconn import ParquetSource, hunt, read_context, write_evidence
from exconn.simulate import demo_tenant


def hunt_at(night: datetime, evidence: Path, history: Path) -> None:
    """Judge every connector at one time, and keep the grades."""
    grades = hunt(ParquetSource(evidence), at=night, context=read_context(evidence))
    rows = pl.DataFrame(
        {
            "Night": grade.at,
            "Connector": grade.connector,
            "Classification": grade.classification.value,
            "Score": grade.score,
            "Confidence": grade.confidence,
            "Fired": [finding.signal.id for finding in grade.contributions],
            "Grade": grade.to_json(),
        }
        for grade in grades
    )
    history.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(history / f"{night:%Y-%m-%d}.parquet")


def tell_changes(history: Path) -> None:
    """Say which connectors are judged otherwise than the night before."""
    before = pl.col("Classification").shift().over("Connector", order_by="Night")
    nights = pl.read_parquet(history / "*.parquet").with_columns(Before=before)
    for row in nights.filter(pl.col("Before") != pl.col("Classification")).iter_rows(named=True):
        print(
            f"{row['Night']:%Y-%m-%d}  {row['Connector']!r}: {row['Before']}, now "
            f"{row['Classification']} ({row['Score']:.2f})"
        )


def main() -> None:
    """Hunt tonight, or on three nights of a simulated tenant."""
    if len(sys.argv) > 1:
        evidence, history = map(Path, sys.argv[1:])
        hunt_at(datetime.now(UTC), evidence, history)
        tell_changes(history)
        return
    tenant = demo_tenant(mails=2_000)
    with tempfile.TemporaryDirectory() as made:
        evidence, history = Path(made, "evidence"), Path(made, "history")
        write_evidence(tenant.frames, evidence)
        for days in (3, 2, 1):
            hunt_at(tenant.end - timedelta(days=days), evidence, history)
        tell_changes(history)


if __name__ == "__main__":
    main()

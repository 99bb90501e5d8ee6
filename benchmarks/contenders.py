"""Six facts of a folder's mail by several hands; one run of one of them in this process.

``python benchmarks/contenders.py NAME DIR`` prints seconds, CPU seconds, peak memory in GB and, as
JSON, the answers. The contenders are written by hand for these six facts and this layout of files;
``hunt`` and ``grade`` are exconn, whole, with every fact and signal; ``exconn`` its queries only.

The facts: of each connector the messages, those whose senders mismatch, those without an account
as sender and those that are bad and go outside, each counted by the hour; the addresses that hand
mail over; and of the tenant the hours in which somebody sent over a hundred messages outside.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from tenant import HIJACKED, HIJACKED_AT, HOURS, START

from exconn import Alert, grade, hunt
from exconn.facts import FACT_TABLES, queries
from exconn.facts.logons import LogonRows
from exconn.facts.mail import MailRows
from exconn.sources import ParquetSource
from exconn.window import Period

Answer = dict[str, Any]
WEEK = Period(START, START + timedelta(hours=HOURS))
COUNTS = ("Messages", "Mismatched", "NoSenderId", "BadOutbound", "Addresses")


def _answer(connectors: list[tuple[Any, ...]], bulk: int) -> Answer:
    """The answer in one form for all: numbers by connector, and the hours of bulk mail."""
    return {"connectors": {name: list(map(int, rest)) for name, *rest in sorted(connectors)}} | {
        "bulk": int(bulk)
    }


def by_exconn(folder: Path) -> Answer:
    """The queries of exconn that these facts come from; it asks nine for all of its facts."""
    hours, addresses, bulk = ParquetSource(folder).collect(
        [
            queries.connector_hours(WEEK),
            queries.sending_addresses(WEEK, most=1_000_000),
            queries.bulk_senders(WEEK),
        ]
    )
    counted = hours.group_by("Connector").agg(pl.col(COUNTS[:4]).sum())
    distinct = addresses.group_by("Connector").agg(Addresses=pl.col("Address").n_unique())
    return _answer(counted.join(distinct, on="Connector").rows(), bulk.height)


def by_polars(folder: Path) -> Answer:
    """Plain Polars, in one plan over all files."""
    mail = pl.scan_parquet(folder / "EmailEvents" / "*.parquet")
    message, hour = pl.col("NetworkMessageId"), pl.col("Timestamp").dt.truncate("1h")
    p1, p2 = pl.col("SenderMailFromDomain"), pl.col("SenderFromDomain")
    mismatched = (
        (p1 != p2)
        & ~p1.str.ends_with(pl.concat_str(pl.lit("."), p2))
        & ~p2.str.ends_with(pl.concat_str(pl.lit("."), p1))
    )
    outside = pl.col("EmailDirection") == "Outbound"
    bad = pl.col("ThreatTypes").str.contains("Phish|Malware") | pl.col("DeliveryAction").is_in(
        ["Junked", "Blocked", "Replaced"]
    )
    through = mail.filter(pl.col("Connectors") != "")
    hours = through.group_by("Connectors", hour).agg(
        Messages=message.n_unique(),
        Mismatched=message.filter(mismatched).n_unique(),
        NoSenderId=message.filter(pl.col("SenderObjectId") == "").n_unique(),
        BadOutbound=message.filter(bad & outside).n_unique(),
    )
    counted = hours.group_by("Connectors").agg(pl.col(COUNTS[:4]).sum())
    addresses = through.group_by("Connectors").agg(Addresses=pl.col("SenderIPv4").n_unique())
    keys = ("Connectors", "SenderObjectId", "SenderFromAddress", "SenderMailFromAddress")
    bulk = (
        mail.filter(outside)
        .group_by(*keys, hour)
        .agg(Messages=message.n_unique())
        .filter(pl.col("Messages") > queries.PLAYBOOK_THRESHOLD)
        .select(pl.len())
    )
    found, senders = pl.collect_all([counted.join(addresses, on="Connectors"), bulk])
    lower = [(name.lower(), *rest) for name, *rest in found.rows()]
    return _answer(lower, senders.item())


def by_duckdb(folder: Path) -> Answer:
    """SQL by hand: the rows of senders are counted first, their messages only of many rows."""
    import duckdb  # only where it runs: it takes memory

    mail = f"read_parquet('{folder}/EmailEvents/*.parquet')"
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    connectors = con.execute(f"""
        WITH through AS (
            SELECT Connectors AS c, hash(NetworkMessageId) AS m, date_trunc('hour', Timestamp) AS h,
                SenderMailFromDomain <> SenderFromDomain
                    AND NOT ends_with(SenderMailFromDomain, '.' || SenderFromDomain)
                    AND NOT ends_with(SenderFromDomain, '.' || SenderMailFromDomain) AS mismatched,
                SenderObjectId = '' AS noid,
                EmailDirection = 'Outbound' AND (ThreatTypes LIKE '%Phish%'
                    OR ThreatTypes LIKE '%Malware%'
                    OR DeliveryAction IN ('Junked', 'Blocked', 'Replaced')) AS bad,
                SenderIPv4 AS ip
            FROM {mail} WHERE Connectors <> ''
        ), messages AS (
            SELECT c, h, m, bool_or(mismatched) AS mm, bool_or(noid) AS ni, bool_or(bad) AS bo
            FROM through GROUP BY ALL
        ), counted AS (
            SELECT c, count(*) AS n, count_if(mm) AS mm, count_if(ni) AS ni, count_if(bo) AS bo
            FROM messages GROUP BY c
        ), addresses AS (SELECT c, count(DISTINCT ip) AS ips FROM through GROUP BY c)
        SELECT lower(c), n, mm, ni, bo, ips FROM counted JOIN addresses USING (c)
    """).fetchall()
    keys = "Connectors, SenderObjectId, SenderFromAddress, SenderMailFromAddress"
    bulk = con.execute(f"""
        WITH sent AS (
            SELECT {keys}, date_trunc('hour', Timestamp) AS h, NetworkMessageId AS m
            FROM {mail} WHERE EmailDirection = 'Outbound'
        ), many AS (
            SELECT {keys}, h FROM sent GROUP BY ALL HAVING count(*) > {queries.PLAYBOOK_THRESHOLD}
        ), counted AS (
            SELECT {keys}, h FROM sent JOIN many USING ({keys}, h)
            GROUP BY ALL HAVING count(DISTINCT m) > {queries.PLAYBOOK_THRESHOLD}
        ) SELECT count(*) FROM counted
    """).fetchall()
    return _answer(connectors, bulk[0][0])


def by_pandas(folder: Path) -> Answer:
    """Plain pandas, with the columns that it needs."""
    import pandas as pd

    names = ["Timestamp", "NetworkMessageId", "Connectors", "EmailDirection", "DeliveryAction"]
    names += ["SenderFromAddress", "SenderMailFromAddress", "SenderObjectId", "SenderFromDomain"]
    names += ["SenderMailFromDomain", "SenderIPv4", "ThreatTypes"]
    mail = pd.read_parquet(folder / "EmailEvents", columns=names, engine="pyarrow")
    mail["Hour"] = mail["Timestamp"].dt.floor("h")
    p1, p2 = mail["SenderMailFromDomain"], mail["SenderFromDomain"]
    under = [
        a == b or a.endswith("." + b) or b.endswith("." + a) for a, b in zip(p1, p2, strict=True)
    ]
    outside = mail["EmailDirection"] == "Outbound"
    bad = mail["ThreatTypes"].str.contains("Phish|Malware") | mail["DeliveryAction"].isin(
        ["Junked", "Blocked", "Replaced"]
    )
    conditions = {
        "Messages": outside | True,
        "Mismatched": ~pd.Series(under, index=mail.index),
        "NoSenderId": mail["SenderObjectId"] == "",
        "BadOutbound": bad & outside,
    }
    through = mail["Connectors"] != ""
    columns = {
        name: mail[through & condition]
        .groupby(["Connectors", "Hour"])["NetworkMessageId"]
        .nunique()
        .groupby("Connectors")
        .sum()
        for name, condition in conditions.items()
    }
    columns["Addresses"] = mail[through].groupby("Connectors")["SenderIPv4"].nunique()
    table = pd.DataFrame(columns).fillna(0)
    keys = ["Connectors", "SenderObjectId", "SenderFromAddress", "SenderMailFromAddress", "Hour"]
    sent = mail[outside].groupby(keys)["NetworkMessageId"].nunique()
    rows = [(str(name).lower(), *row) for name, row in zip(table.index, table.to_numpy().tolist())]
    return _answer(rows, int((sent > queries.PLAYBOOK_THRESHOLD).sum()))


def read_by_hunts() -> dict[str, list[str]]:
    """The columns of which a hunt reads all rows, by table.

    Of rows that it only looks for, such as changes of connectors, those that tell them.
    """
    counting = [*MailRows.queries(WEEK), queries.administration(WEEK)]
    counting += LogonRows.queries(WEEK, (), ())
    looking = [queries.connector_changes(WEEK), queries.actor_deeds(WEEK)]
    reads = frozenset[tuple[str, str]]().union(
        *(query.reads() for query in counting), *(query.reads("Timestamp") for query in looking)
    )
    return {
        table.name: [name for name in table.names if (table.name, name) in reads]
        for table in FACT_TABLES
    }


def decoded(folder: Path) -> Answer:
    """Only decode the columns that a hunt reads, two files at a time: nobody can be faster."""
    columns = [(folder / table, names) for table, names in read_by_hunts().items()]
    files = [(file, names) for place, names in columns for file in sorted(place.glob("*.parquet"))]

    def decode(file: Path, names: list[str]) -> int:
        return pl.read_parquet(file, columns=names).height

    with ThreadPoolExecutor(2) as pool:
        rows = sum(pool.map(decode, *zip(*files, strict=True)))
    return {"rows": rows}


def hunted(folder: Path) -> Answer:
    """The complete hunt."""
    return {"worst": hunt(ParquetSource(folder))[0].connector}


def graded(folder: Path) -> Answer:
    """The complete grade of the hijacked connector."""
    alert = Alert(connector=HIJACKED, timestamp=HIJACKED_AT + timedelta(hours=3))
    return {"worst": grade(ParquetSource(folder), alert).connector}


def covered(folder: Path) -> Answer:
    """What there is: the first look of hunt and grade."""
    ParquetSource(folder).coverage(FACT_TABLES)
    return {}


CONTENDERS: dict[str, Callable[[Path], Answer]] = {
    "hunt": hunted,
    "grade": graded,
    "exconn": by_exconn,
    "duckdb": by_duckdb,
    "polars": by_polars,
    "pandas": by_pandas,
    "decode": decoded,
    "coverage": covered,
}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    began, used = time.perf_counter(), time.process_time()
    answer = CONTENDERS[name](folder)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "answer": answer}))


if __name__ == "__main__":
    main()

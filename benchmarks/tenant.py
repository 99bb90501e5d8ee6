"""A large tenant's week as an evidence folder, for measuring: a file an hour, one hijack.

``python benchmarks/tenant.py DIR [MILLIONS]``. The rows are made by hashing their number, so the
same folder comes out each time. The scenarios of `exconn.simulate` are richer, and too slow here.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Table

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 7 * 24
HIJACKED = "Relay 7"
HIJACKED_AT = START + timedelta(hours=130)

SENDERS, RECIPIENTS, EMPLOYEES = 200_000, 1_000_000, 60_000
CONNECTORS = 40
HOME = "contoso.example"
_WEIGHTS = [1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 7, 7, 8, 8, 7, 6, 4, 3, 2, 2, 1, 1, 1]


def _draw(name: str, choices: int) -> pl.Expr:
    """A number below `choices` that hangs on the row's number and the name only."""
    seed = sum(map(ord, name))
    return pl.col("n").hash(seed) % choices


def _skewed(name: str, choices: int) -> pl.Expr:
    """The same, low numbers far more often."""
    unit = _draw(name, 1 << 32) / float(1 << 32)
    return (unit.pow(3) * choices).cast(pl.Int64)


def _guid(number: pl.Expr) -> pl.Expr:
    low, high = number.hash(1), number.hash(2)
    return pl.format("{}-{}", high.cast(pl.String).str.zfill(20), low % 10**15)


def _address(number: pl.Expr, *, home: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """An address and its domain."""
    domain = pl.when(home).then(pl.lit(HOME)).otherwise(pl.format("d{}.example", number % 20_000))
    return pl.format("user.{}@{}", number, domain), domain


def _rows(hour: int, rows: int) -> pl.LazyFrame:
    """The rows of an hour with their numbers and times, which are spread evenly."""
    start = START + timedelta(hours=hour)
    step = 3_600_000_000 // max(rows, 1)
    number = pl.int_range(rows, eager=True)
    times = pl.lit(start) + pl.duration(microseconds=pl.col("n") * step)
    frame = pl.LazyFrame({"n": number}).with_columns(Timestamp=times)
    return frame.with_columns(pl.col("n") + hour * 10**9)


def _of_accounts(hour: int, rows: int) -> pl.LazyFrame:
    """The same, each with an employee's account and address."""
    account = pl.col("account")
    return (
        _rows(hour, rows)
        .with_columns(account=_skewed("account", EMPLOYEES))
        .with_columns(
            AccountObjectId=_guid(account),
            AccountDisplayName=pl.format("User {}", account),
            IPAddress=pl.format("198.18.{}.{}", account % 250, _draw("ip", 250)),
            ReportId=_guid(pl.col("n")),
        )
    )


def mail(hour: int, rows: int, attack: int) -> pl.DataFrame:
    """The mail of an hour; `attack` rows of it went through the hijacked connector."""
    frame = _rows(hour, rows)
    bad = pl.col("n") % max(rows // max(attack, 1), 1) == 0 if attack else pl.lit(value=False)
    kind = _draw("kind", 20)
    direction = (
        pl.when(bad | (kind < 4))
        .then(pl.lit("Outbound"))
        .when(kind < 11)
        .then(pl.lit("Inbound"))
        .otherwise(pl.lit("Intra-org"))
    )
    frame = frame.with_columns(
        bad=bad,
        EmailDirection=direction,
        message=pl.col("n") * 3 // 4,
        sender=pl.when(bad).then(_draw("few", 3)).otherwise(_skewed("sender", SENDERS)),
        recipient=_skewed("recipient", RECIPIENTS),
        connector=_skewed("connector", CONNECTORS),
    )
    inbound, intra = (pl.col("EmailDirection") == way for way in ("Inbound", "Intra-org"))
    sender, p1 = _address(pl.col("sender"), home=~inbound)
    recipient, recipient_domain = _address(
        pl.when(inbound | intra).then(pl.col("recipient") % EMPLOYEES).otherwise("recipient"),
        home=inbound | intra,
    )
    through = (inbound & (_draw("through", 4) > 0)) | (_draw("through", 12) == 0)
    threat = (
        pl.when("bad", _draw("spam", 10) > 0)
        .then(pl.lit("Phish"))
        .otherwise(pl.when(_draw("spam", 60) == 0).then(pl.lit("Spam")).otherwise(pl.lit("")))
    )
    own = ~inbound & ~pl.col("bad")
    filled = frame.with_columns(
        NetworkMessageId=_guid(pl.col("message")),
        InternetMessageId=pl.format("<{}@mail.example>", _guid(pl.col("message"))),
        SenderMailFromAddress=sender,
        SenderFromAddress=sender,
        SenderDisplayName=pl.format("User {}", "sender"),
        SenderObjectId=pl.when(own).then(_guid(pl.col("sender"))).otherwise(pl.lit("")),
        SenderMailFromDomain=pl.when("bad").then(pl.lit("bulk.example")).otherwise(p1),
        SenderFromDomain=p1,
        SenderIPv4=pl.when("bad")
        .then(pl.lit("203.0.113.9"))
        .otherwise(pl.format("198.51.{}.{}", pl.col("connector") % 250, _draw("ip", 200))),
        RecipientEmailAddress=recipient,
        RecipientObjectId=_guid(pl.col("recipient")),
        RecipientDomain=recipient_domain,
        Subject=pl.format("About matter {}", _draw("subject", 500_000)),
        DeliveryAction=pl.when(threat != "").then(pl.lit("Junked")).otherwise(pl.lit("Delivered")),
        ThreatTypes=threat,
        AuthenticationDetails=pl.when("bad")
        .then(pl.lit('{"SPF":"fail","DKIM":"none","DMARC":"fail","CompAuth":"fail"}'))
        .otherwise(pl.lit('{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}')),
        AttachmentCount=_draw("attachments", 3).cast(pl.Int32),
        UrlCount=_draw("urls", 4).cast(pl.Int32),
        Connectors=pl.when("bad")
        .then(pl.lit(HIJACKED))
        .when(through)
        .then(pl.format("Relay {}", "connector"))
        .otherwise(pl.lit("")),
        EmailSize=_draw("size", 90_000).cast(pl.Int64),
        ReportId=pl.format("{}-1", _guid(pl.col("n"))),
    )
    return _whole(filled, EMAIL_EVENTS)


def logons(hour: int, rows: int) -> pl.DataFrame:
    """The sign-ins of an hour."""
    fails = _draw("fails", 30) == 0
    filled = _of_accounts(hour, rows).with_columns(
        ActionType=pl.when(fails).then(pl.lit("LogonFailed")).otherwise(pl.lit("LogonSuccess")),
        Application=pl.lit("Microsoft 365"),
        LogonType=pl.lit("OAuth2:Authorize"),
        AccountUpn=pl.format("user.{}@" + HOME, "account"),
        Port=(_draw("port", 50_000) + 1_024).cast(pl.Int32),
        Location=pl.lit("DE"),
        ISP=pl.lit("Hillside Cable"),
    )
    return _whole(filled, IDENTITY_LOGON_EVENTS)


def audit(hour: int, rows: int) -> pl.DataFrame:
    """The audit log of an hour: files and mailboxes, and the change of the hijacked connector."""
    filled = _of_accounts(hour, rows).with_columns(
        ActionType=pl.when(_draw("what", 3) == 0)
        .then(pl.lit("FileAccessed"))
        .otherwise(pl.lit("MailItemsAccessed")),
        Application=pl.lit("Microsoft SharePoint Online"),
        AccountId=pl.format("user.{}@" + HOME, "account"),
        AccountType=pl.lit("Regular"),
        RawEventData=pl.concat_str(
            pl.lit('{"Operation":"FileAccessed","Id":"'),
            _guid(pl.col("n")),
            pl.lit('","ObjectId":"https://contoso.example/'),
            _draw("file", 900_000).cast(pl.String),
            pl.lit('"}'),
        ),
    )
    rows_of_hour = _whole(filled, CLOUD_APP_EVENTS)
    start = START + timedelta(hours=hour)
    if start <= HIJACKED_AT < start + timedelta(hours=1):
        rows_of_hour = pl.concat([rows_of_hour, _whole(_change().lazy(), CLOUD_APP_EVENTS)])
    return rows_of_hour.sort("Timestamp")


def _change() -> pl.DataFrame:
    raw = {
        "CreationTime": HIJACKED_AT.isoformat(),
        "Id": "5b1ff6c3-5a35-4b1c-9f5e-1f6f9fd1a001",
        "Operation": "Set-InboundConnector",
        "RecordType": 1,
        "ResultStatus": "True",
        "UserType": 2,
        "UserId": f"user.17@{HOME}",
        "Workload": "Exchange",
        "ClientIP": "203.0.113.7:51514",
        "ObjectId": HIJACKED,
        "Parameters": [
            {"Name": "Identity", "Value": HIJACKED},
            {"Name": "SenderIPAddresses", "Value": "203.0.113.9"},
        ],
    }
    return pl.DataFrame(
        {
            "Timestamp": [HIJACKED_AT],
            "ActionType": ["Set-InboundConnector"],
            "Application": ["Microsoft Exchange Online"],
            "AccountId": [f"user.17@{HOME}"],
            "AccountType": ["Admin"],
            "IPAddress": ["203.0.113.7"],
            "ReportId": ["change"],
            "ObjectName": [HIJACKED],
            "RawEventData": [json.dumps(raw)],
        }
    )


def _whole(frame: pl.LazyFrame, table: Table) -> pl.DataFrame:
    """All columns of a table; those that were not made are empty."""
    made = frame.collect_schema().names()
    empty = {
        name: pl.lit("") if dtype == pl.String else pl.lit(None, dtype=dtype)
        for name, dtype in table.schema.items()
        if name not in made
    }
    return frame.with_columns(**empty).select(table.names).cast(table.schema).collect()


def write(folder: Path, mails: int) -> None:
    """Write a week with about so much mail, 40 % of that as sign-ins and 10 % as audit records."""
    total = sum(_WEIGHTS) * 7
    for hour in range(HOURS):
        rows = mails * _WEIGHTS[hour % 24] // total
        attack = rows // 20 if 0 <= hour - 131 < 3 else 0
        for table, frame in (
            (EMAIL_EVENTS, mail(hour, rows, attack)),
            (IDENTITY_LOGON_EVENTS, logons(hour, rows * 2 // 5)),
            (CLOUD_APP_EVENTS, audit(hour, rows // 10)),
        ):
            place = folder / table.name / f"{START + timedelta(hours=hour):%Y-%m-%dT%H}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(place, compression="zstd")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(float(sys.argv[2] if len(sys.argv) > 2 else "5") * 1_000_000))

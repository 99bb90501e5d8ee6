"""What type checkers know of records: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import assert_type

import polars as pl

from exconn import (
    Actor,
    ActorKind,
    AdminChange,
    Alert,
    ConnectorChange,
    Email,
    InboundConnector,
    Logon,
    OutboundConnector,
    TransportRule,
)

frame = pl.DataFrame()
when = datetime(2026, 3, 25, tzinfo=UTC)

# From frames and back, each its own kind.
assert_type(Email.from_frame(frame), list[Email])
assert_type(Logon.from_frame(frame), list[Logon])
assert_type(Alert.from_frame(frame), list[Alert])
assert_type(AdminChange.from_frame(frame), list[AdminChange])
assert_type(ConnectorChange.from_frame(frame), list[ConnectorChange])
assert_type(InboundConnector.from_frame(frame), list[InboundConnector])
assert_type(Email.to_frame([Email(timestamp=when)]), pl.DataFrame)
assert_type(Email.columns(), dict[str, str])
assert_type(TransportRule.to_frame([]), pl.DataFrame)

# Strings are never None; the rest may be.
email = Email(timestamp=when, p1_address="a@b.example", url_count=1)
assert_type(email.p1_address, str)
assert_type(email.url_count, int | None)
assert_type(email.is_first_contact, bool | None)
assert_type(Logon(timestamp=when).succeeded, bool)

actor = Actor(kind=ActorKind.PERSON, name="admin@contoso.example")
change = ConnectorChange(timestamp=when, operation="Set-InboundConnector", actor=actor)
assert_type(change.connector, str)
assert_type(change.new_name, str | None)
assert_type(change.parameters, Mapping[str, str])
assert_type(change.properties, InboundConnector | OutboundConnector)
assert_type(change.succeeded, bool | None)
assert_type(InboundConnector(name="Relay").sender_domains, tuple[str, ...] | None)
assert_type(InboundConnector.from_properties({"Name": "Relay"}), InboundConnector)

# What does not go.
Email()  # type: ignore[call-arg]
Email(when)  # type: ignore[call-arg]
Email(timestamp="2026-03-25")  # type: ignore[arg-type]
Email(timestamp=when, url_count="1")  # type: ignore[arg-type]
Email(timestamp=when, sender="a@b.example")  # type: ignore[call-arg]
Logon.to_frame([email])  # type: ignore[list-item]
ConnectorChange(timestamp=when, operation="Set-InboundConnector")  # type: ignore[call-arg]
InboundConnector(smart_hosts=("mx.example",))  # type: ignore[call-arg]
email.p1_address = ""  # type: ignore[misc]
_ = change.succeeded.real  # type: ignore[union-attr]

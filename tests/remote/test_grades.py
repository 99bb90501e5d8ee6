"""The same evidence gives the same grades, wherever it lives."""

import itertools
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest
from places import PLACES, served

from exconn import Alert, Grade, Hunt, MemorySource, Source, grade, hunt
from exconn.simulate import demo_tenant, hijacked, honest_tenant
from incidents import clicks

Frames = Mapping[str, pl.DataFrame]


@cache
def tenant(name: str) -> Frames:
    match name:
        case "demo":
            return demo_tenant(mails=2_000).frames
        case "honest":
            return honest_tenant(7, mails=2_200).frames
        case "hijacked":
            return hijacked(honest_tenant(11, mails=2_200), 11, mails=150).frames
        case "without sign-ins":
            frames = dict(demo_tenant(3, mails=2_200).frames)
            del frames["IdentityLogonEvents"]
            return frames
        case "clicked":
            return reaching()
    return {
        **demo_tenant(5, mails=2_200).frames,
        "EmailEvents": demo_tenant(5, mails=2_200).frames["EmailEvents"].drop("SenderObjectId"),
    }


def reaching() -> Frames:
    """An incident with other mail like it, and clicks on its links."""
    attacked = hijacked(honest_tenant(11, mails=2_200), 11, mails=150)
    used = next(connector.name for connector in attacked.connectors if not connector.honest)
    mail = attacked.frames["EmailEvents"]
    own = mail.filter(pl.col("Connectors") == used).sort("Timestamp", "NetworkMessageId")[-40:]
    other = own.with_columns(
        Connectors=pl.lit(""), NetworkMessageId=pl.format("other-{}", "NetworkMessageId")
    )
    upper = own.with_columns(pl.col("NetworkMessageId").str.to_uppercase())
    return {
        **attacked.frames,
        "EmailEvents": pl.concat([mail, other]),
        "UrlClickEvents": clicks(upper),
    }


@cache
def at_home(name: str) -> Hunt:
    return hunt(MemorySource(tenant(name)))


EVERYWHERE = "hijacked"
"""What is graded in each place; the others in one, for places differ in how they are asked."""


@pytest.mark.parametrize(
    ("name", "place"),
    [
        *((EVERYWHERE, place) for place in PLACES),
        *(
            zip(
                ("demo", "honest", "clicked", "without sign-ins", "without SenderObjectId"),
                itertools.cycle(PLACES),
                strict=False,
            )
        ),
    ],
)
def test_grades_are_those_of_the_files(name: str, place: str) -> None:
    ours = at_home(name)
    with served(place, tenant(name)) as there:
        source = there.source()
        assert [said(g) for g in hunt(source)] == [said(g) for g in ours]
        alert = Alert(connector=ours[0].connector, timestamp=ours[0].at)
        home: Source = MemorySource(tenant(name))
        graded = grade(home, alert)
        assert said(grade(source, alert)) == said(graded)
        assert (name == "clicked") is bool(graded.radius.clicks and graded.radius.mail)
        assert {call.status for call in there.tenant.calls} <= {200, 400}
        assert there.slept == []


def said(found: Grade) -> dict[str, Any]:
    """A grade without what only services have: rows that come late, and an end of what they see."""
    told = found.to_dict()
    for table in told["coverage"]:
        table["notes"] = [
            note
            for note in table["notes"]
            if not note.startswith(("rows arrive", "nothing before"))
        ]
    return told


@pytest.mark.parametrize("place", PLACES)
def test_late_rows_are_told(place: str) -> None:
    with served(place, tenant("demo"), lag=timedelta(hours=3)) as there:
        worst = at_home("demo")[0]
        alert = Alert(connector=worst.connector, timestamp=there.tenant.now - timedelta(hours=1))
        found = grade(there.source(), alert)
    for table in found.to_dict()["coverage"]:
        assert table["state"] == "partial"
        assert any(note.startswith("nothing before 2026-02-2") for note in table["notes"])
        assert "rows arrive up to 180 minutes after the event" in table["notes"]
        assert any("may not have arrived yet" in reason for reason in table["reasons"])

"""From an alert of Defender to a ticket: a title, a priority and a text in Markdown.

The alert is a row of AlertInfo as the hunting API gives it; the connector's name, which that table
does not have, comes with it. In the text, what an attacker may have chosen is escaped.
"""

from exconn import Alert, Classification, Grade, MemorySource, grade
from exconn.simulate import demo_tenant
from exconn.window import parse_time

PRIORITY = {
    Classification.TRUE_POSITIVE: "P1",
    Classification.UNKNOWN: "P3",
    Classification.EXPECTED_ACTIVITY: "P5",
    Classification.FALSE_POSITIVE: "P5",
}


def plain(text: str) -> str:
    """Text in which Markdown sees nothing."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>#|~" else c for c in text if c.isprintable())


def ticket(alert: Alert, result: Grade) -> dict[str, str]:
    """What a ticket system wants to know."""
    lines = [plain(result.explanation), "", "**Why**", ""]
    lines += [f"- {f.contribution:+.2f} {plain(f.sentence)}" for f in result.contributions[:5]]
    if result.flips:
        lines += ["", "**What would change it**", ""]
        lines += [f"- {plain(flip.if_so)}: {flip.then.value}" for flip in result.flips]
    lines += ["", "**What to do**", ""]
    lines += [f"{a.order}. [{a.phase.value}] {plain(a.what)}" for a in result.actions]
    return {
        "key": f"{alert.alert_id}/{result.connector.casefold()}",  # the same alert, the same ticket
        "title": f"{result.classification.value}: connector {result.connector}",
        "priority": PRIORITY[result.classification],
        "text": "\n".join(lines),
    }


def main() -> None:
    """Write the ticket of an alert on the connector that is hijacked in a simulated tenant."""
    tenant = demo_tenant(mails=2_000)
    row = {
        "AlertId": "fa0c6b7a2f",
        "Title": "Suspicious connector activity",
        "Timestamp": (tenant.at or tenant.end).isoformat(),
        "Connector": tenant.connector("quiet").name,
    }
    alert = Alert(
        connector=row["Connector"],
        timestamp=parse_time(row["Timestamp"]),
        alert_id=row["AlertId"],
        title=row["Title"],
    )
    made = ticket(alert, grade(MemorySource(tenant.frames), alert))
    print("\n".join(f"{name}: {value}" for name, value in made.items() if name != "text"))
    print(made["text"])


if __name__ == "__main__":
    main()

"""From an alert of Defender to a ticket: a title, a priority and a text in Markdown.

The alert is a row of AlertInfo as the hunting API gives it; the connector's name, which that table
does not have, comes with it. Title and text are exconn's own: in them, what an attacker may have
chosen is escaped.
"""

import json

from exconn import Alert, Classification, Grade, MemorySource, grade, reports
from exconn.simulate import demo_tenant
from exconn.window import parse_time

PRIORITY = {
    Classification.TRUE_POSITIVE: "P1",
    Classification.UNKNOWN: "P3",
    Classification.EXPECTED_ACTIVITY: "P5",
    Classification.FALSE_POSITIVE: "P5",
}


def ticket(alert: Alert, result: Grade) -> dict[str, str]:
    """What a ticket system wants to know."""
    return {
        "key": f"{alert.alert_id}/{result.connector.casefold()}",  # the same alert, the same ticket
        "title": reports.title(result),
        "priority": PRIORITY[result.classification],
        "text": result.to_markdown(),
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
    text = made.pop("text")
    print(json.dumps(made, indent=2))
    print(text)


if __name__ == "__main__":
    main()

"""A hundred alerts, of which few are incidents: grade each incident once, the worst first.

Alerts on one connector within a day are one incident. What is left is sorted by what it asks of an
analyst: true positives, then unknowns, then the rest, each by score.
"""

from collections.abc import Iterable
from datetime import timedelta

from exconn import Alert, Classification, Grade, MemorySource, grade
from exconn.simulate import demo_tenant

DAY = timedelta(days=1)
ORDER = (
    Classification.TRUE_POSITIVE,
    Classification.UNKNOWN,
    Classification.EXPECTED_ACTIVITY,
    Classification.FALSE_POSITIVE,
)


def incidents(alerts: Iterable[Alert]) -> list[list[Alert]]:
    """Alerts in groups: of one connector, less than a day after the first of the group."""
    found: list[list[Alert]] = []
    for alert in sorted(alerts, key=lambda alert: (alert.connector.casefold(), alert.timestamp)):
        first = found[-1][0] if found else None
        same = first is not None and first.connector.casefold() == alert.connector.casefold()
        if first is not None and same and alert.timestamp - first.timestamp < DAY:
            found[-1].append(alert)
        else:
            found.append([alert])
    return found


def urgency(result: Grade) -> tuple[int, float]:
    """What decides who is looked at first."""
    return ORDER.index(result.classification), -result.score


def main() -> None:
    """Make a tenant and a hundred alerts on its connectors, and triage them."""
    tenant = demo_tenant(mails=2_000)
    alerts = [
        Alert(
            connector=tenant.connectors[number * 7 % len(tenant.connectors)].name,
            timestamp=tenant.end - number * DAY / 50,
            alert_id=f"{number:03}",
        )
        for number in range(100)
    ]
    source = MemorySource(tenant.frames)
    groups = incidents(alerts)
    graded = [(grade(source, group[0]), group) for group in groups]
    print(f"{len(alerts)} alerts, {len(graded)} incidents")
    for result, group in sorted(graded, key=lambda one: urgency(one[0]))[:8]:
        why = result.contributions[0].sentence if result.contributions else ""
        name = f"{result.connector!r} ({len(group)} alerts)"
        print(f"{result.classification.value:30} {result.score:.2f}  {name:36} {why[:60]}")


if __name__ == "__main__":
    main()

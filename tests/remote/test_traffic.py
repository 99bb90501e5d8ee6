"""What crosses the network: facts grow with connectors and hours only, evidence is bounded."""

from places import served

from exconn import Alert, Grade, grade, hunt
from exconn.simulate import demo_tenant
from exconn.testing import Call

SMALL, LARGE = 2_000, 20_000
EVIDENCE = ("| sort by", "| top ")


def test_ten_times_the_mail_is_not_ten_times_the_traffic() -> None:
    small, large = traffic(SMALL), traffic(LARGE)
    assert large["mail facts"] < 6 * small["mail facts"]  # more mail has more names an hour
    assert large["evidence"] < 250_000


def traffic(mails: int) -> dict[str, int]:
    """Bytes received for one grade, by what they are for."""
    frames = demo_tenant(mails=mails).frames
    with served("kusto", frames) as place:
        worst: Grade = hunt(place.source())[0]
        place.tenant.calls.clear()
        grade(place.source(), Alert(connector=worst.connector, timestamp=worst.at))
        calls = list(place.tenant.calls)
    evidence = [call for call in calls if any(word in call.text for word in EVIDENCE)]
    facts = [call for call in calls if call not in evidence and "EmailEvents" in call.text]
    return {"mail facts": sent(facts), "evidence": sent(evidence)}


def sent(calls: list[Call]) -> int:
    return sum(call.sent for call in calls)

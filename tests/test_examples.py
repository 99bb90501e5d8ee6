"""The examples run as a newcomer would run them, and find the hijacked connector."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cases import HOSTILE, attacked, poisoned
from exconn import Alert, reports

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_grading_a_folder_puts_the_true_positive_first_and_says_what_to_do() -> None:
    _, *lines = run("grade_folder.py").splitlines()
    assert "truePositive" in lines[0]
    assert not any("truePositive" in line for line in lines[1:])
    assert "1. Export the connector's settings to a file." in lines


def test_a_signal_of_ones_own_fires_for_the_hijacked_connector_alone() -> None:
    fired = [line for line in run("own_detector.py").splitlines() if " fired " in line]
    assert len(fired) == 1
    assert "differing senders" in fired[0]


def test_a_source_of_ones_own_finds_the_hijacked_connector() -> None:
    _, *lines = run("own_source.py").splitlines()
    assert len(lines) == 3
    assert "truePositive" in lines[0]


def test_a_worker_answers_each_alert_also_one_that_cannot_be_graded() -> None:
    attacked, honest, misspelt = run("queue_worker.py").splitlines()
    assert attacked.endswith("truePositive")
    assert honest.endswith("falsePositive")
    assert "failed" in misspelt
    assert "nearest" in misspelt


def test_nightly_hunts_say_which_connector_is_judged_otherwise() -> None:
    (told,) = run("nightly_hunt.py").splitlines()
    assert "now truePositive" in told


def test_a_ticket_says_what_why_and_what_to_do() -> None:
    told = run("alert_to_ticket.py")
    assert '"priority": "P1"' in told
    assert told.index("## Why") < told.index("## Next steps")
    assert "- **Contain:** Export the connector's settings to a file." in told


@pytest.mark.parametrize("text", HOSTILE)
def test_a_ticket_about_a_hostile_connector_is_as_safe_as_exconn_makes_it(text: str) -> None:
    ticket = runpy.run_path(str(EXAMPLES / "alert_to_ticket.py"))["ticket"]
    found = poisoned(attacked(), text)
    made = ticket(Alert(connector=found.connector, timestamp=found.at), found)
    assert made["title"] == reports.title(found)
    assert made["text"] == found.to_markdown()


def test_a_hundred_alerts_become_few_incidents_the_worst_first() -> None:
    counted, worst, *others = run("triage_alerts.py").splitlines()
    assert counted == "100 alerts, 20 incidents"
    assert worst.startswith("truePositive")
    assert not others[-1].startswith("truePositive")


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text("utf-8")
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))

"""The examples run as a newcomer would run them, and find the hijacked connector."""

import ast
import importlib
import inspect
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases import HOSTILE, attacked, poisoned
from exconn import Alert, reports
from exconn.simulate import demo_tenant
from exconn.testing import check_source

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


def test_a_project_of_ones_own_passes_its_tests(tmp_path: Path) -> None:
    project = EXAMPLES / "own_detectors"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_source_of_ones_own_keeps_the_promises_of_sources() -> None:
    example = runpy.run_path(str(EXAMPLES / "own_source.py"))
    held = {name: frame[:200] for name, frame in demo_tenant(mails=2_000).frames.items()}
    check_source(example["SqliteSource"](example["database"](held)), held)


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Each name of exconn that a file imports, and from where."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((name.name, "") for name in names if name.name.startswith("exconn"))
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("exconn"):
                yield from ((module, name.name) for name in names)


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: file.relative_to(EXAMPLES).as_posix()
)
def test_examples_use_public_names_alone(file: Path) -> None:
    for module, name in imported(file):
        assert not re.search(r"\b_", module), module
        assert not name.startswith("_")
        found = importlib.import_module(module)
        is_module = inspect.ismodule(getattr(found, name, found))
        assert is_module or name in getattr(found, "__all__", [name]), f"{module}.{name}"


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text("utf-8")
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))
    projects = {path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")}
    assert all(f'"{name}"' in here for name in projects)

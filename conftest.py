"""The code blocks of the README and the documentation; and no skip goes unnoticed in CI.

Blocks of ``python`` and ``console`` run, those of ``toml`` are read by exconn and written for those
that follow. Of ``sh``, what exconn is asked for is checked, not run: it is about files that the
reader has. What installs is not run here; the README's two commands run in the gate (``.ci/run``).
Blocks of ``text`` are no code.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Generator, Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from exconn import Context, Policy
from exconn.cli.app import app

PROJECT = Path(__file__).parent / "pyproject.toml"
READERS = {"policy.toml": Policy.from_toml, "context.toml": Context.from_toml}


def run_commands(example: Example) -> None:
    """Run the lines that begin with a prompt; each must succeed."""
    for line in example.parsed.splitlines():
        command = [sys.executable, "-m", *shlex.split(line.removeprefix("$ "))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def write_file(example: Example) -> None:
    """Write a file that its first line names, if exconn can read it."""
    [name] = re.findall(r"\A# (\w+\.toml)\b", example.parsed)
    READERS[name](example.parsed)
    Path(name).write_text(example.parsed, "utf-8")


def check_commands(example: Example) -> None:
    """Parse what exconn is asked for, and see that there is what is to be installed."""
    extras = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    for line in example.parsed.splitlines():
        match shlex.split(line, comments=True):
            case ["exconn", *words]:
                app.parse_args(words, exit_on_error=False, print_error=False)
            case ["python", "-m", *words]:
                asked = [sys.executable, "-m", *words, "--help"]
                assert subprocess.run(asked, capture_output=True, check=False).returncode == 0, line
            case [command, *_]:
                assert command in {"python3", ".", "pip", ".venv/bin/pip", "CI=true"}, line
                assert set(re.findall(r"\[(\w+)\]", line)) <= set(extras), line


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder to run a page in."""
    before = Path.cwd()
    folder = tmp_path_factory.mktemp("page")
    os.chdir(folder)
    yield folder
    os.chdir(before)


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        CodeBlockParser(language="console", evaluator=run_commands),
        CodeBlockParser(language="toml", evaluator=write_file),
        CodeBlockParser(language="sh", evaluator=check_commands),
    ],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    fixtures=["scratch"],
).pytest()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001 # named by pytest
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where EXCONN_NO_SKIPS is set, as in CI, a skipped test has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("EXCONN_NO_SKIPS"):
        report.outcome = "failed"
    return report

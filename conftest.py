"""Every code block of the README and the documentation runs; and no skip goes unnoticed in CI."""

import os
import shlex
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser


def run_commands(example: Example) -> None:
    """Run the lines that begin with a prompt; each must succeed."""
    for line in example.parsed.splitlines():
        command = [sys.executable, "-m", *shlex.split(line.removeprefix("$ "))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


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

"""What can be imported, from where, and at what cost."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import exconn
import exconn.detectors
import exconn.facts
import exconn.grading
import exconn.models
import exconn.reports
import exconn.signals
import exconn.simulate
import exconn.sources
import exconn.tables
import exconn.testing

ROOT = Path(__file__).parent.parent
MODULES = [
    exconn,
    exconn.detectors,
    exconn.facts,
    exconn.grading,
    exconn.models,
    exconn.reports,
    exconn.signals,
    exconn.simulate,
    exconn.sources,
    exconn.tables,
    exconn.testing,
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_all_is_sorted_without_repeats_and_every_name_exists(module: object) -> None:
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    assert sorted(names, key=order) == list(names)
    assert len(set(names)) == len(names)
    assert all(hasattr(module, name) for name in names)


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_dir_shows_the_public_names_alone() -> None:
    assert dir(exconn) == sorted(exconn.__all__)


def test_importing_exconn_imports_attrs_and_polars_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import exconn; import exconn.simulate\n"
        "import exconn.notebook, exconn.playbook\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    foreign = {name for name in loaded if name not in sys.stdlib_module_names}
    assert {"attr", "attrs", "exconn", "polars"} <= foreign
    assert not foreign & {
        "cyclopts",
        "rich",
        "hypothesis",
        "msal",
        "azure",
        "altair",
        "numpy",
        "pytest",
    }


@pytest.mark.parametrize(
    ("module", "extra", "hidden"),
    [
        ("exconn.cli", "cli", "cyclopts"),
        ("exconn.cli", "cli", "rich"),
        ("exconn.plots", "plot", "altair"),
        ("exconn.testing", "testing", "hypothesis"),
    ],
)
def test_a_missing_extra_is_named(module: str, extra: str, hidden: str) -> None:
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from exconn import MissingExtraError\n"
        f"try: import {module}\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"pip install 'exconn[{extra}]'" in done.stdout, done.stderr


def test_layers_import_only_from_those_below() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_changelog_has_the_version_at_its_top() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert versions[0] == exconn.__version__

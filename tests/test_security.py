"""What SECURITY.md promises, where no other test holds it; and that those tests exist."""

import ast
import inspect
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import msal  # type: ignore[import-untyped]
import pytest

import exconn
from exconn import SignInError
from exconn.errors import UnavailableError
from exconn.ingest import import_files
from exconn.simulate import demo_tenant
from exconn.sources import write_evidence
from exconn.sources.sign_in import SignIn, device_code

ROOT = Path(__file__).parent.parent
PACKAGE = Path(exconn.__file__).parent
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "SECURITY.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_each_claim_is_held_by_a_test_that_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_claim_names_its_tests() -> None:
    security = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [line for line in security.splitlines() if line.startswith("| ")]
    claims = [row for row in rows if not row.endswith("held by |")]
    assert len(claims) > 15
    assert [row for row in claims if "::test_" not in row.rsplit(" | ", 1)[-1]] == []


FORBIDDEN_MODULES = {"code", "ctypes", "marshal", "multiprocessing", "pickle", "pty", "runpy"}
FORBIDDEN_MODULES |= {"shelve", "subprocess", "webbrowser"}
FORBIDDEN_NAMES = {"__import__", "compile", "eval", "exec"}
FORBIDDEN_METHODS = {"system", "popen", "execv", "execve", "spawnv", "fork", "startfile"}


@pytest.mark.parametrize(
    "file",
    [f for f in sorted(PACKAGE.rglob("*.py")) if "testing" not in f.relative_to(PACKAGE).parts],
    ids=lambda file: file.relative_to(PACKAGE).as_posix(),
)
def test_nothing_in_the_package_can_execute_text(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                imported = {alias.name.split(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module)):
                imported = {module.split(".")[0]}
            case ast.Call(func=ast.Name(id=name)):
                assert name not in FORBIDDEN_NAMES, node.lineno
                continue
            case ast.Attribute(value=ast.Name(id="os"), attr=name):
                assert name not in FORBIDDEN_METHODS, node.lineno
                continue
            case _:
                continue
        assert not imported & FORBIDDEN_MODULES, node.lineno


WATCHED = """
import sys
events = []

def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn",
                         "os.fork", "os.spawn", "webbrowser.", "pickle.")):
        events.append((event, ""))
    if event == "open" and isinstance(arguments[0], str):
        if isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            events.append((event, arguments[0]))
    if event in ("os.rename", "os.mkdir", "os.remove", "os.link", "os.symlink", "os.chmod"):
        events.append((event, str(arguments[0])))

import cyclopts, rich, exconn.cli, exconn.simulate, exconn.reports
from exconn.cli import run
sys.addaudithook(watch)
assert run(sys.argv[1:]) == 0
for event, path in events:
    sys.stderr.write(f"{event}\\t{path}\\n")
"""


def test_grading_a_folder_opens_no_connection_starts_no_program_and_writes_what_it_was_told(
    tmp_path: Path,
) -> None:
    """What Python does is watched; Polars, which is Rust, reads only files here."""
    tenant = demo_tenant(1, mails=2_000)
    evidence, told = tmp_path / "evidence", tmp_path / "told"
    write_evidence(tenant.frames, evidence)
    told.mkdir()
    name = next(connector.name for connector in tenant.connectors if not connector.honest)
    alert = ["--connector", name, "--at", "2026-03-25T11:00Z"]
    where = ["--html", str(told / "report.html"), "--evidence", str(told / "tables")]
    command = [
        sys.executable,
        "-B",
        "-c",
        WATCHED,
        "grade",
        str(evidence),
        *alert,
        *where,
        "--markdown",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [line.split("\t") for line in done.stderr.splitlines() if "\t" in line]
    assert events, "nothing was watched"
    assert [event for event, path in events if not path] == []
    assert [path for _, path in events if not Path(path).is_relative_to(told)] == []
    assert {path.name for path in tmp_path.iterdir()} == {"evidence", "told"}


HOSTILE = (
    "../../escaped",
    "/escaped",
    "a\\..\\..\\escaped",
    "C:\\escaped",
    "~/escaped",
    "a\x01b",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_in_an_export_leads_out_of_the_evidence_folder(name: str, tmp_path: Path) -> None:
    exports, evidence = tmp_path / "in" / "exports", tmp_path / "in" / "evidence"
    exports.mkdir(parents=True)
    row = f'"Timestamp": "2026-03-02T00:00:00Z", "NetworkMessageId": "a", {escaped(name)}: "b"'
    mail = f'{{{row}, "RecipientEmailAddress": "a@b.example", "Connectors": {escaped(name)}}}'
    streamed = f'{{"time": "2026-03-02T00:00:00Z", "properties": {mail}, '
    streamed += f'"category": {escaped("AdvancedHunting-" + name)}, "Type": {escaped(name)}}}'
    with zipfile.ZipFile(exports / "export.zip", "w") as archive:
        archive.writestr(f"{name}.json", f"{mail}\n{streamed}\n")
        archive.writestr(f"{name}/EmailEvents.parquet", b"PAR1")
    summary = import_files([exports], evidence)
    assert summary.rows == 1
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert {path.name for path in exports.parent.iterdir()} == {"exports", "evidence"}
    inside = {path.relative_to(evidence).parts[0] for path in evidence.rglob("*")}
    assert inside <= {"EmailEvents", "rejected.jsonl"}


def escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace("\x01", "\\u0001") + '"'


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("x"),
        RuntimeError("Unable to complete OIDC Discovery: 301"),
        OverflowError("cannot convert float infinity to integer"),
        KeyError("x"),
        TypeError("x"),
        AttributeError(),
        IndexError(),
    ],
)
def test_nonsense_of_entra_id_is_an_error_of_ours(error: Exception) -> None:
    with pytest.raises(UnavailableError, match="a reply that is none"):
        SignIn("an application", raising(error))()


def test_an_error_of_msal_s_own_is_one_of_ours() -> None:
    failed = msal.exceptions.MsalServiceError(error="500", error_description="busy")
    with pytest.raises(UnavailableError, match=r"cannot be reached \(MsalServiceError\)"):
        SignIn("an application", raising(failed))()


def test_an_error_of_msal_without_words_is_one_of_ours() -> None:
    with pytest.raises(SignInError, match="no reason"):
        SignIn("an application", raising(ValueError()))()


def raising(error: Exception) -> Callable[[str | None, bool], None]:
    def acquire(_claims: str | None, _stale: bool) -> None:  # noqa: FBT001 # as SignIn calls it
        raise error

    return acquire


def test_what_a_service_says_reaches_the_terminal_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show = inspect.signature(device_code).parameters["show"].default
    show("Enter the code \x1b[2J\u202eABC")
    assert capsys.readouterr().err == "Enter the code \\u001b[2J\\u202eABC\n"

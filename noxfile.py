"""Checks in environments of their own: ``nox -l`` lists them, ``nox -s NAME`` runs one.

Interpreters that are not found are named and left out.
"""

import json
import re
from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "wheel", "api"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST, BELOW = re.findall(r"polars>=([0-9.]+),<([0-9]+)", str(PROJECT["project"]["dependencies"]))[
    0
]
POLARS = {"oldest": f"polars=={OLDEST}.*", "newest": f"polars>={OLDEST},<{BELOW}"}


@nox.session(python=PYTHONS)
@nox.parametrize("polars", list(POLARS))
def tests(session: nox.Session, polars: str) -> None:
    """The tests, or those that are named, on the installed wheel with either end of Polars."""
    session.install(".[test]", POLARS[polars])
    version = session.run("python", "-c", "import polars; print(polars.__version__)", silent=True)
    session.log(f"Polars {str(version).strip()}")
    if polars == "oldest" and not str(version).startswith(f"{OLDEST}."):
        session.error(f"that is not {POLARS[polars]}")
    session.run("pytest", "-q", *session.posargs)


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """The wheel without extras: it grades, and its command says what is to be installed."""
    session.install(_wheel(session))
    session.chdir(session.create_tmp())
    session.run("python", "-W", "error", "-c", _GRADES)
    said = session.run("exconn", "demo", silent=True, success_codes=[2])
    if "pip install 'exconn[cli]'" not in str(said):
        session.error(f"the command does not say what it needs: {said}")


_GRADES = """
import exconn, exconn.playbook
from exconn.simulate import demo_tenant
grades = exconn.hunt(exconn.MemorySource(demo_tenant(mails=2_000).frames))
assert grades[0].classification == "truePositive", grades[0]
"""


@nox.session
def api(session: nox.Session) -> None:
    """What the public API has lost since the last release, which is the last tag ``v*``."""
    tags = session.run(
        "git", "tag", "--list", "v*", "--sort=-v:refname", silent=True, external=True
    )
    released = str(tags).split()
    if not released:
        session.log("no release yet (no tag v*): there is nothing that the API must keep")
        return
    session.install("griffe[pypi]>=2")
    session.run("griffe", "check", "exconn", "--search", "src", "--against", released[0])


@nox.session
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of what the wheel needs with all extras (pip-audit)."""
    session.install("pip-audit>=2.10")
    found = Path(session.create_tmp(), "audit.json").resolve()
    found.unlink(missing_ok=True)
    session.run(
        "pip-audit",
        "--path",
        str(_installed(session)),
        "--format=json",
        f"--output={found}",
        "--progress-spinner=off",
        success_codes=[0, 1],
    )
    if not found.exists():
        session.error("NOT AUDITED: the service that knows vulnerabilities was not reached")
    installed = json.loads(found.read_text("utf-8"))["dependencies"]
    unsafe = [one["name"] for one in installed if one.get("vulns")]
    unknown = [one["name"] for one in installed if "skip_reason" in one and one["name"] != "exconn"]
    if unsafe:
        session.error(f"known vulnerabilities in {', '.join(unsafe)}")
    if unknown:  # pip-audit leaves them out and still says that it has found none
        reasons = {one["skip_reason"] for one in installed if one["name"] in unknown}
        session.error(f"NOT AUDITED: {', '.join(unknown)} ({'; '.join(sorted(reasons)[:3])})")
    session.log(f"{len(installed)} packages, none with a known vulnerability")


@nox.session
def sbom(session: nox.Session) -> None:
    """What is installed with the wheel and all extras, as CycloneDX: ``dist/sbom.cdx.json``."""
    session.install("cyclonedx-bom>=7")
    Path("dist").mkdir(exist_ok=True)
    session.run(
        "cyclonedx-py",
        "environment",
        "--pyproject=pyproject.toml",
        "--mc-type=library",
        "--output-reproducible",
        "--output-file=dist/sbom.cdx.json",
        str(_installed(session).parents[2]),
    )
    parts = json.loads(Path("dist/sbom.cdx.json").read_text("utf-8"))["components"]
    if not {"attrs", "polars"} <= {part["name"] for part in parts}:
        session.error("it lacks what the wheel needs")
    session.log(f"{len(parts)} packages")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile input; arguments as of ``tests/fuzz.py``."""
    session.install(".[test]")
    session.run("python", "tests/fuzz.py", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Faults that the tests ought to notice; arguments as of ``tests/mutation.py``."""
    session.install(".[test]")
    session.run("python", "tests/mutation.py", *session.posargs)


def _wheel(session: nox.Session) -> str:
    """The wheel, freshly built."""
    folder = Path(session.create_tmp(), "wheel").resolve()
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".")
    [made] = folder.glob("*.whl")
    return str(made)


def _installed(session: nox.Session) -> Path:
    """The packages of a clean environment that has the wheel with all extras, and no tool."""
    clean = Path(session.create_tmp(), "clean").resolve()
    session.run("python", "-m", "venv", "--clear", str(clean))
    pip = ("-m", "pip", "--python", str(clean), "install", "-q")
    session.run("python", *pip, f"exconn[all] @ {Path(_wheel(session)).as_uri()}")
    [packages] = (*clean.glob("lib/python*/site-packages"), *clean.glob("Lib/site-packages"))
    return packages

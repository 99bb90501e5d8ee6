"""Small faults put into the package one at a time; the tests concerned ought to notice each.

``python tests/mutation.py [SAMPLE] [SEED] [PATH...]`` draws so many mutants of the modules under
the paths (all that `TESTS` names, without any) and runs the tests of each module on a copy that has
the fault. Survivors are told, but for those that ``tests/survivors.toml`` explains. 0 mutants: all.
"""

import ast
import os
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest
from attrs import frozen

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "exconn"
SAMPLE, SEED = 150, 1
WORKERS = 2
LIMIT = 900  # seconds, in which the tests of any module have ended long before

_REFERENCE = "test_playbook.py::test_the_generated_pages_are_what_the_code_says_now"
_SHIPPED = "kql/test_shipped.py::test_the_text_is_the_snapshot"

TESTS: Mapping[str, tuple[str, ...]] = {
    "detectors": ("test_detectors.py", "test_queries.py"),
    "facts/bursts.py": (_REFERENCE, "test_bursts.py", "test_facts.py"),
    "facts/changes.py": (
        _REFERENCE,
        "test_judged.py",
        "test_identity.py",
        "test_grading.py",
        "test_facts.py",
    ),
    "facts/domains.py": ("test_domains.py", "test_facts.py"),
    "facts/identity.py": ("test_identity.py", "test_traits.py", "test_facts.py"),
    "facts/judgement.py": ("test_judged.py", "test_shape.py", "test_facts.py", "test_hunt.py"),
    "facts/logon_facts.py": (_REFERENCE, "test_scenario_gaps.py"),
    "facts/logons.py": (_REFERENCE, "test_bursts.py", "test_trail.py", "test_facts.py"),
    "facts/mail": (_REFERENCE, "test_shape.py", "test_facts.py"),
    "facts/queries.py": (_SHIPPED, _REFERENCE, "test_facts.py", "test_hunt.py", "test_identity.py"),
    "facts/shape.py": ("test_shape.py", "test_facts.py"),
    "facts/survey.py": ("test_survey.py", "test_hunt.py", "test_facts.py"),
    "facts/trail.py": ("test_trail.py", "test_identity.py", "test_grading.py", "test_facts.py"),
    "facts/traits.py": ("test_traits.py", "test_identity.py", "test_grading.py", "test_facts.py"),
    "grading/actions.py": ("test_runbook.py", "test_grading.py"),
    "grading/evidence.py": (
        "test_evidence.py",
        "test_export.py",
        "test_grading.py",
        "test_verdicts.py",
    ),
    "grading/explanation.py": (
        "test_explanation.py",
        "test_export.py",
        "test_grading.py",
        "reports/test_markdown.py",
    ),
    "grading/export.py": ("test_export.py", "test_hunt.py"),
    "grading/findings.py": ("test_verdict.py", "test_outlook.py"),
    "grading/gathering.py": (
        "test_evidence.py",
        "test_grading.py",
        "test_verdicts.py",
        "test_scenario_gaps.py",
    ),
    "grading/hunted.py": ("test_export.py", "test_hunt.py"),
    "grading/outlook.py": ("test_outlook.py", "test_verdict.py"),
    "grading/policy.py": ("test_policy.py",),
    "grading/powershell.py": ("test_runbook.py",),
    "grading/radius.py": ("test_radius.py",),
    "grading/result.py": ("test_schema.py", "test_export.py", "test_verdict.py"),
    "grading/run.py": ("test_run.py", "test_grading.py", "test_hunt.py"),
    "grading/runbook": ("test_runbook.py",),
    "grading/schema.py": (_REFERENCE, "test_schema.py"),
    "grading/timeline.py": ("test_evidence.py", "test_grading.py", "test_verdicts.py"),
    "grading/verdict.py": ("test_verdict.py", "test_outlook.py"),
    "kql": (
        _SHIPPED,
        *(
            f"kql/test_{name}.py"
            for name in ("exactness", "literals", "refusals", "serialised", "cuts", "layout")
        ),
        "kql/test_random.py",
    ),
    "signals": ("test_signals.py", _REFERENCE),
}
"""Which tests are asked about a module, the fast ones first."""

_OPERATORS: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("any_horizontal", "all_horizontal"),
    ("is_null", "is_not_null"),
    ("starts_with", "ends_with"),
    ("startswith", "endswith"),
    ("first", "last"),
    ("bisect_left", "bisect_right"),
    ("head", "tail"),
)
_CALLED = {**dict(_PAIRS), **{other: one for one, other in _PAIRS}, "n_unique": "len"}
_BUILTINS = {"min", "max", "any", "all"}
_IDLE = {"casefold", "lower", "strip", "to_lowercase", "strip_chars", "fill_null", "drop_nulls"}
"""Methods without which the rest may still run."""

_UNTOLD = {"fires", "nearly", "weight", "strict", "repr"}
"""Of signals: the examples by which they are tested, and what the shipped policy has instead. Of
`zip`: an assertion. Of fields: what is too long to be shown."""


@frozen
class Mutant:
    """A fault.

    Attributes:
        module: the path within the package.
        within: the function, class or constant that has it.
        old: what stands there, as Python writes it without line breaks.
        new: what it becomes.
        line: where.
        text: the whole module with the fault.
    """

    module: str
    within: str
    old: str
    new: str
    line: int
    text: str

    @property
    def told(self) -> str:
        """In one line."""
        return f"{self.module}:{self.line} {self.within}: {self.old}  ->  {self.new}"


@frozen
class Survivor:
    """A mutant that the tests need not notice.

    Attributes:
        why: in one sentence.
    """

    module: str
    within: str
    old: str
    new: str
    why: str

    def explains(self, mutant: Mutant) -> bool:
        """Whether it is this one."""
        ours = (self.module, self.within, self.old, self.new)
        return ours == (mutant.module, mutant.within, mutant.old, mutant.new)


def survivors() -> tuple[Survivor, ...]:
    """The list of those that are explained."""
    listed = tomllib.loads((HERE / "survivors.toml").read_text("utf-8"))
    return tuple(Survivor(**entry) for entry in listed["survivor"])


def mutants_of(module: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    text = (SOURCE / module).read_text("utf-8")
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for within, node, old, new in _changes(ast.parse(text), "module"):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        written = f"({new})" if isinstance(node, ast.expr) else new
        changed = text.encode()[:start] + written.encode() + text.encode()[end:]
        found.append(Mutant(module, within, old, new, node.lineno, changed.decode()))
    return found


_Spot = tuple[str, ast.expr | ast.stmt, str, str]


def _changes(node: ast.AST, within: str) -> Iterator[_Spot]:
    """What can be changed at a node and below it: where, which node, what it is and becomes."""
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Import() | ast.ImportFrom() | ast.pattern():
            return
        case ast.keyword(arg=name) if name in _UNTOLD:
            return
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            within = name if within == "module" else f"{within}.{name}"
        case ast.Assign(targets=[ast.Name(id=name)]) if within == "module":
            within = name
        case ast.AnnAssign(target=ast.Name(id=name)) if within == "module":
            within = name
        case ast.arg():
            return
    if isinstance(node, ast.expr | ast.stmt):
        old = ast.unparse(node)
        yield from ((within, node, old, new) for new in _alternatives(node))
    left_out = {"annotation", "returns", "decorator_list"}
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in left_out:
                yield from _changes(child, within)


def _alternatives(node: ast.expr | ast.stmt) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for at, operator in enumerate(ops):
                changed = [*ops[:at], _OPERATORS[type(operator)](), *ops[at + 1 :]]
                yield ast.unparse(ast.Compare(left, changed, others))  # type: ignore[arg-type]
        case ast.BoolOp(op=operator, values=values):
            yield ast.unparse(ast.BoolOp(_OPERATORS[type(operator)](), values))  # type: ignore[arg-type]
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            if not _is_text(left) and not _is_text(right):
                yield ast.unparse(ast.BinOp(left, _OPERATORS[type(operator)](), right))  # type: ignore[arg-type]
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            yield ast.unparse(operand)
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield str(value + 1)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.unparse(ast.IfExp(test, orelse, body))
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _IDLE:
            yield ast.unparse(_without_namespace(value))
        case ast.Attribute(value=value, attr=name) if name in _CALLED:
            yield ast.unparse(ast.Attribute(value, _CALLED[name]))
        case ast.Name(id=name) if name in _BUILTINS:
            yield _CALLED[name]
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            for generator in node.generators:
                for condition in generator.ifs:
                    kept = generator.ifs
                    generator.ifs = [one for one in kept if one is not condition]
                    yield ast.unparse(node)
                    generator.ifs = kept
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield "pass"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _without_namespace(node: ast.expr) -> ast.expr:
    """The column of ``column.str``."""
    is_namespace = isinstance(node, ast.Attribute) and node.attr in ("str", "list", "dt")
    return node.value if is_namespace and isinstance(node, ast.Attribute) else node


def modules(paths: Sequence[str] = ()) -> list[str]:
    """The modules under the paths, each of which has its tests."""
    for path in paths:
        if not (SOURCE / path).exists():
            sys.exit(f"there is no {path} in {SOURCE}")
    found = {
        module.relative_to(SOURCE).as_posix()
        for path in paths or TESTS
        for module in (
            (SOURCE / path).rglob("*.py") if (SOURCE / path).is_dir() else [SOURCE / path]
        )
    }
    return sorted(found)


def asked_about(module: str) -> tuple[str, ...]:
    """The files of tests that are asked about a module."""
    [tests] = [tests for path, tests in TESTS.items() if Path(module).is_relative_to(path)]
    return tests


def sample(size: int, seed: int, paths: Sequence[str] = ()) -> list[Mutant]:
    """So many mutants, drawn by the seed; all when there are fewer, or for 0."""
    every = [mutant for module in modules(paths) for mutant in mutants_of(module)]
    return random.Random(seed).sample(every, min(size, len(every)) if size else len(every))


# Whose tests are run must be the copy: it is asked there.
_RUN = """
import sys, exconn, pytest
assert exconn.__file__.startswith(sys.argv[1]), exconn.__file__
sys.exit(pytest.main(sys.argv[2:]))
"""


def passes(tests: Sequence[str], mutant: Mutant | None = None) -> bool:
    """Whether the tests pass on a copy of the package, with a fault or without one."""
    with TemporaryDirectory() as folder:
        copytree(SOURCE, Path(folder, "exconn"), ignore=lambda *_: ["__pycache__"])
        if mutant is not None:
            Path(folder, "exconn", mutant.module).write_text(mutant.text, "utf-8")
        # In a process each: the fast ones need not wait until the others are collected.
        return all(_run(folder, test) == pytest.ExitCode.OK for test in tests)


def _run(folder: str, test: str) -> int:
    options = ["-x", "-q", "-p", "no:cacheprovider", "-n0", f"--rootdir={HERE.parent}"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _RUN, folder, *options, str(HERE / test)],
            cwd=HERE.parent,
            env={**os.environ, "PYTHONPATH": folder, "CI": "true"},  # as in CI: the same examples
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


def main(size: str = str(SAMPLE), seed: str = str(SEED), *paths: str) -> int:
    """Say which mutants live. The exit status says whether any does that is not explained."""
    chosen = sample(int(size), int(seed), paths)
    explained = survivors()
    tried = [m for m in chosen if not any(one.explains(m) for one in explained)]
    files = sorted({test for mutant in tried for test in asked_about(mutant.module)})
    with ThreadPoolExecutor(WORKERS) as pool:
        if not all(pool.map(passes, [[file] for file in files])):
            sys.stdout.write("the tests fail without a mutant\n")
            return 1
        alive = list(pool.map(_lives, tried))
    sys.stdout.write(
        f"{len(chosen)} mutants of seed {seed}: {alive.count(False)} killed, "
        f"{len(chosen) - len(tried)} explained, {alive.count(True)} alive\n"
    )
    return 1 if any(alive) else 0


def _lives(mutant: Mutant) -> bool:
    """Try a mutant, and say at once how that ended: a run that is broken off was not in vain."""
    lives = passes(asked_about(mutant.module), mutant)
    sys.stdout.write(f"{'ALIVE ' if lives else 'killed'} {mutant.told}\n")
    sys.stdout.flush()
    return lives


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

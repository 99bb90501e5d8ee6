"""Faults put into the compiler one at a time, each of which the tests must find.

Run as a script. It copies the package, checks that the tests pass on the copy, and then that each
mutant fails the test which ought to notice it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import frozen

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKERS = 2

# Whose tests are run must be the copy: it is asked there.
_RUN = """
import sys, exconn, pytest
assert exconn.__file__.startswith(sys.argv[1]), exconn.__file__
sys.exit(pytest.main(sys.argv[2:]))
"""


@frozen
class Mutant:
    """A fault.

    Attributes:
        what: what is wrong with it.
        module: of `exconn.kql`.
        old: the text that is replaced, of which there is one.
        new: what it becomes.
        found_by: the test that ought to fail, as fast as any.
    """

    what: str
    module: str
    old: str
    new: str
    found_by: str


_CONDITIONS = "test_exactness.py::test_conditions"
_VALUES = "test_exactness.py::test_values"
_AGGREGATES = "test_exactness.py::test_aggregates"
_NOTHING = "test_exactness.py::test_aggregates_of_nothing"
_JOINS = "test_exactness.py::test_joins"
_VERBS = "test_exactness.py::test_verbs"
_SORTED = "test_exactness.py::test_times_are_sorted_as_frames_have_them"
_LEFT = "test_exactness.py::test_what_a_left_join_does_not_find_is_null"
_KEYS = "test_exactness.py::test_times_are_keys_as_frames_have_them"
_SENTINEL = "test_exactness.py::test_sentinel_has_other_names_and_types"
_STRINGS = "test_literals.py::test_every_string_decodes_to_itself"
_READABLE = "test_literals.py::test_strings_read_well"
_NAMES = "test_literals.py::test_every_name_decodes_to_itself"
_LITERALS = "test_literals.py::test_every_literal_has_its_type"
_WORDS = "test_literals.py::test_every_word_of_the_grammar_can_be_a_name"
_PARAMETERS = "test_literals.py::test_parameters_take_no_name_that_is_there"
_REFUSED = "test_refusals.py::test_a_value_is_refused"
_REFUSED_QUERIES = "test_refusals.py::test_a_query_is_refused"
_FORMS = "test_serialised.py::test_the_serialised_forms_and_what_they_mean"

MUTANTS = (
    # values and names
    Mutant("backslashes go as they are", "text", r'{"\\": "\\\\", ', "{", _STRINGS),
    Mutant("quotes go as they are", "text", r""" '"': '\\"',""", "", _STRINGS),
    Mutant("line ends go as they are", "text", r""" "\n": "\\n",""", "", _READABLE),
    Mutant("unseen characters go as they are", "text", "_escape(found[0])", "found[0]", _STRINGS),
    Mutant("a code point of too few digits", "text", ":04x}", ":x}", _STRINGS),
    Mutant("a quote ends a name", "text", r""".replace("'", "\\'")""", "", _NAMES),
    Mutant("keywords as names", "text", " and text not in _RESERVED", "", _WORDS),
    Mutant("literals of int are long", "text", " or kind is KqlType.INT", "", _LITERALS),
    Mutant("a time without zone", "text", '.isoformat() + "Z"', ".isoformat()", _CONDITIONS),
    Mutant("a span of whole days", "text", "if total and total % size == 0", "if total", _VALUES),
    Mutant("a string's parameter twice", "parameters", "n not in self.taken and ", "", _PARAMETERS),
    # conditions
    Mutant("< negated is >", "render", '"<": ">=", ">=": "<"', '"<": ">", ">=": "<"', _CONDITIONS),
    Mutant(
        "sides are not changed", "render", '"<": ">", ">": "<"', '"<": "<", ">": ">"', _CONDITIONS
    ),
    Mutant("!= without its guard", "render", 'operator == "!=" or ', "", _CONDITIONS),
    Mutant(
        "null equals null",
        "render",
        ' or (operator == "==" and len(nullable) == 2)',
        "",
        _CONDITIONS,
    ),
    Mutant(
        "not in without its guard",
        "render",
        "needed=total or not wanted)",
        "needed=total)",
        _CONDITIONS,
    ),
    Mutant("in whatever the case", "render", "else '!in'}", "else '!in~'}", _CONDITIONS),
    Mutant("contains whatever the case", "render", "contains_cs", "contains", _CONDITIONS),
    Mutant("starts whatever the case", "render", "startswith_cs", "startswith", _CONDITIONS),
    Mutant(
        "<= by ticks",
        "render",
        '{subject} < {after}", COMPARE',
        '{subject} <= {here}", COMPARE',
        _CONDITIONS,
    ),
    Mutant(
        "> by ticks",
        "render",
        '{subject} >= {after}", COMPARE',
        '{subject} > {here}", COMPARE',
        _CONDITIONS,
    ),
    Mutant("two times by ticks", "render", "_text(floored(node))", "_text(node)", _CONDITIONS),
    Mutant(
        "NaN equals a number",
        "render",
        '(">", ">=", "!=")',
        '(">", ">=")',
        _CONDITIONS,
    ),
    Mutant(
        "NaN is greater than null",
        "render",
        "needed = left.nan or right.nan",
        "needed = False",
        _CONDITIONS,
    ),
    Mutant("or without brackets", "binding", "held(text, AND) for", "text[0] for", _CONDITIONS),
    Mutant(
        "what is closed is open", "tree", '"Left": (">=", "<")', '"Left": (">", "<")', _CONDITIONS
    ),
    Mutant(
        "a time computed has no ticks",
        "nodes",
        "any(arg.ticks for arg in alike)",
        "False",
        _CONDITIONS,
    ),
    # values
    Mutant(
        "a - (b - c) without brackets",
        "render",
        'ADD if node.name == "+" else MULTIPLY',
        "ADD",
        _VALUES,
    ),
    Mutant(
        "a / (b / c) without brackets",
        "render",
        "{held(_text(args[1]), ATOM)}",
        "{held(_text(args[1]), MULTIPLY)}",
        _VALUES,
    ),
    Mutant(
        "division of integers",
        "render",
        "args[0] if whole else cast(args[0], KqlType.REAL)",
        "args[0]",
        _VALUES,
    ),
    Mutant(
        "weeks begin on a Thursday",
        "render",
        '"1970-01-05" if weeks',
        '"1970-01-01" if weeks',
        _VALUES,
    ),
    Mutant("bins from the year 1", "render", " and _DAY % every == timedelta(0)", "", _VALUES),
    Mutant(
        "weeks are seven days", "functions", '"truncate weeks" if unit == "w" else ', "", _VALUES
    ),
    Mutant(
        "an element as dynamic",
        "render",
        'f"tostring({value(args[0])}[{index}])"',
        'f"{value(args[0])}[{index}]"',
        _VALUES,
    ),
    Mutant("Sunday is the first day", "render", " + 6) % 7 + 1)", ") % 7 + 1)", _FORMS),
    Mutant(
        "later is earlier",
        "functions",
        'name = "-" if span < timedelta(0) else "+"',
        'name = "+"',
        _VALUES,
    ),
    Mutant(
        "null strings go on",
        "tree",
        "if node.type is STRING and node.nullable:",
        "if False:",
        _REFUSED,
    ),
    Mutant("every pattern passes", "functions", "if found is not None:\n", "if False:\n", _REFUSED),
    # aggregations
    Mutant(
        "null is no value", "summaries", 'f"{text} + iff({nulls} > 0, 1, 0)"', "text", _AGGREGATES
    ),
    Mutant(
        "an estimate",
        "summaries",
        '"dcount" if node.estimate else "count_distinct"',
        '"dcount"',
        _AGGREGATES,
    ),
    Mutant(
        "the sum of nothing is null",
        "summaries",
        'f"coalesce({text}, {zero})" if node.maybe_none else text',
        "text",
        _AGGREGATES,
    ),
    Mutant(
        "the mean of nothing is NaN", "summaries", "if node.maybe_none:\n", "if False:\n", _NOTHING
    ),
    Mutant(
        "the greatest of all rows",
        "summaries",
        "if self.where is None:\n            return self.value",
        "if True:\n            return self.value",
        _AGGREGATES,
    ),
    Mutant(
        "sets without order",
        "summaries",
        "array_sort_asc({rows.within('make_set')})",
        "{rows.within('make_set')}",
        _AGGREGATES,
    ),
    Mutant(
        "nulls are not dropped",
        "aggregations",
        "            if value.nullable:\n",
        "            if False:\n",
        _AGGREGATES,
    ),
    Mutant("null counts", "aggregations", "if nulls or not value.nullable", "if True", _AGGREGATES),
    # verbs
    Mutant("a join without kind", "joins", "| join kind={_KINDS[step.how]} (", "| join (", _JOINS),
    Mutant("a left join is inner", "joins", '"left": "leftouter"', '"left": "inner"', _JOINS),
    Mutant("null keys match", "joins", "if nullable:", "if False:", _JOINS),
    Mutant("null strings from the left", "joins", "if left and strings:", "if False:", _JOINS),
    Mutant(
        "a left join makes no nulls",
        "joins",
        "(left and right[old].type is not KqlType.STRING)",
        "False",
        _LEFT,
    ),
    Mutant("a join on ticks", "joins", "if columns[n].ticks:", "if False:", _REFUSED_QUERIES),
    Mutant("rows are sorted by ticks", "verbs", "column = floored(column)", "pass", _SORTED),
    Mutant(
        "rows differ by ticks",
        "verbs",
        "if any(column.ticks for column in state.columns.values()):",
        "if False:",
        _KEYS,
    ),
    Mutant("nulls come last", "verbs", " nulls first", "", _SORTED),
    Mutant("elements as dynamic", "verbs", " to typeof(string)", "", _VERBS),
    Mutant(
        "an empty list makes a row",
        "verbs",
        "if listed.nullable:",
        "if False:",
        "test_exactness.py::test_lists_that_may_be_empty_make_no_row",
    ),
    Mutant(
        "any of equal rows is first",
        "verbs",
        "need_decided(before: Step, state: State) -> None:",
        "need_decided(before: Step, state: State) -> None:\n    return",
        _REFUSED_QUERIES,
    ),
    Mutant(
        "groups by ticks",
        "pipeline",
        "floored(node) for n, node in",
        "node for n, node in",
        _KEYS,
    ),
    Mutant(
        "the time comes last",
        "pipeline",
        "[*self._filtered(timely), *self._absent(table, needed), *self._filtered(rest)]",
        "[*self._filtered(rest), *self._absent(table, needed), *self._filtered(timely)]",
        _SENTINEL,
    ),
    Mutant(
        "columns are left out too early",
        "plan",
        "        case Unique():\n            return there",
        "        case Unique():\n            return after",
        _VERBS,
    ),
    Mutant(
        "a part ends too early",
        "cuts",
        '"<=": MICROSECOND',
        '"<=": timedelta(0)',
        "test_cuts.py::test_bounds",
    ),
)


def main(step: int = 1) -> int:
    """Say which mutants live, of every so-manieth. The exit status says whether any does."""
    chosen = MUTANTS[::step]
    if not _passes([]):
        print("the tests fail without a mutant")
        return 1
    with ThreadPoolExecutor(WORKERS) as pool:
        alive = list(pool.map(lambda mutant: _passes([mutant]), chosen))
    living = [mutant for mutant, lives in zip(chosen, alive, strict=True) if lives]
    for mutant in living:
        print(f"alive: {mutant.what} ({mutant.module}), which {mutant.found_by} should find")
    print(f"{len(chosen) - len(living)} of {len(chosen)} mutants found")
    return 1 if living else 0


def _passes(mutants: Sequence[Mutant]) -> bool:
    """Whether the tests that ought to find these mutants, or any, pass on a copy that has them."""
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src" / "exconn", Path(folder) / "exconn")
        for mutant in mutants:
            _change(Path(folder) / "exconn" / "kql" / f"{mutant.module}.py", mutant)
        tests = sorted({mutant.found_by for mutant in mutants or MUTANTS})
        done = _run(folder, [str(HERE / test) for test in tests])
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{mutants}\n{done.stdout}\n{done.stderr}")
    if not mutants and done.returncode:
        print(done.stdout)
    return done.returncode == pytest.ExitCode.OK


def _change(file: Path, mutant: Mutant) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{text.count(mutant.old)} times in {file.name}: {mutant.old}")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def _run(folder: str, tests: list[str]) -> "subprocess.CompletedProcess[str]":
    options = ["-x", "-q", "-p", "no:cacheprovider", "-n0", f"--rootdir={ROOT}"]
    return subprocess.run(
        [sys.executable, "-c", _RUN, folder, *options, *tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": folder, "CI": "true"},  # as in CI: the same examples
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

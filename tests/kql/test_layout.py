"""Long lines are broken where a person would break them, and never inside a string."""

from hypothesis import given
from hypothesis import strategies as st

from exconn.kql.layout import condition, grouped, operator, split
from exconn.kql.text import string

LONG = "x" * 70


def test_short_lines_stay() -> None:
    assert operator("| project", ["a", "b"]) == ["| project a, b"]
    assert condition("| where", "a and b") == ["| where a and b"]
    assert grouped("| summarize", ["a = 1"], ["b"]) == ["| summarize a = 1 by b"]
    assert grouped("| summarize", [], ["b"]) == ["| summarize by b"]
    assert grouped("| summarize", ["a = 1"], []) == ["| summarize a = 1"]


def test_conditions_are_broken_before_the_loosest_word() -> None:
    assert condition("| where", f"{LONG} and (a or b) and {LONG}") == [
        f"| where {LONG}",
        "    and (a or b)",
        f"    and {LONG}",
    ]
    assert condition("| where", f"(a and {LONG}) or (b and {LONG} and {LONG})") == [
        f"| where (a and {LONG})",
        "    or (",
        "        b",
        f"        and {LONG}",
        f"        and {LONG}",
        "    )",
    ]


def test_calls_are_broken_at_their_arguments() -> None:
    assert grouped("| summarize", ["n = count()", f"m = f(a, {LONG}, g(b, {LONG}))"], ["k"]) == [
        "| summarize",
        "    n = count(),",
        "    m = f(",
        "        a,",
        f"        {LONG},",
        f"        g(b, {LONG})",
        "    )",
        "    by k",
    ]


def test_a_call_with_two_parts_is_broken_and_one_without_parts_is_not() -> None:
    assert operator("| extend", [f"m = f({LONG}, {LONG})"]) == [
        "| extend",
        "    m = f(",
        f"        {LONG},",
        f"        {LONG}",
        "    )",
    ]
    assert operator("| extend", [f"m = f({LONG}{LONG})"]) == [
        "| extend",
        f"    m = f({LONG}{LONG})",
    ]


def test_names_are_wrapped_and_what_is_computed_gets_a_line() -> None:
    names = [f"Column{number}" for number in range(20)]
    wrapped = operator("| project", names)
    assert len(wrapped) == 2
    assert " ".join(line.strip() for line in wrapped) == f"| project {', '.join(names)}"
    assert operator("| extend", [f"a = {LONG}", f"b = {LONG}"]) == [
        "| extend",
        f"    a = {LONG},",
        f"    b = {LONG}",
    ]
    assert grouped("| summarize", ["n = count()"], [f"a = {LONG}", f"b = {LONG}"]) == [
        "| summarize n = count()",
        f"    by a = {LONG},",
        f"       b = {LONG}",
    ]


def test_typed_literals_are_not_broken() -> None:
    text = f"{LONG}{LONG} - datetime(2026-03-09T00:00:00.000001Z)"
    assert condition("| where", text) == [f"| where {text}"]


@given(st.lists(st.text("\"'\\,() andor\n"), min_size=1, max_size=5))
def test_strings_are_left_whole(texts: list[str]) -> None:
    literals = [string(text) for text in texts]
    assert split(" and ".join(literals), " and ") == literals
    assert split(", ".join(f"f({text}, {text})" for text in literals), ", ") == [
        f"f({text}, {text})" for text in literals
    ]
    long = " or ".join(f"f(a, {text}) == {LONG}" for text in literals)
    assert "".join(line.strip() for line in condition("", long)).replace(" ", "") == long.replace(
        " ", ""
    )

"""Grades of known cases, and the same in an attacker's words."""

import enum
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

from exconn import Alert, Grade, MemorySource, grade, hunt
from exconn.simulate import demo_tenant
from exconn.tables import Table
from exconn.testing.scenarios import FAMILIES
from exconn.window import Window

HOSTILE = (
    "<script>window.pwned=1;alert(1)</script>",
    '"><img src=x onerror="window.pwned=1;alert(\'img\')">',
    "' onmouseover='alert(2)' x='",
    "javascript:alert(3)",
    "</title></style></code></pre></svg><svg onload=alert(4)><script>alert(5)</script>",
    "<!-- --!><base href=https://evil.example/><link rel=stylesheet href=//evil.example/x.css>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe><details open ontoggle=alert(6)>",
    "]]><meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "\u202egnp.exe\u202c \x1b[31m\x07 \ufeff \u200b&lt;b&gt; &#60;script&#62;",
    "| `a` **b** [x](javascript:alert(7)) ![y](https://evil.example/z.png) <https://evil.example>",
    "\n\n# heading\n- @everyone #1\n```\nhttps://evil.example www.evil.example",
)
NAMES = ("hijacked-connector", "weekly-billing-run", "truncated-mail-log")


@cache
def case(name: str) -> Grade:
    """The grade of a family of scenarios."""
    family = next(family for family in FAMILIES if family.name == name)
    scenario = family.scenario(3)
    return grade(MemorySource(scenario.frames), scenario.alert, context=scenario.context)


@cache
def hunted() -> tuple[Grade, ...]:
    """The grades of all connectors of the demo's tenant, without rows."""
    return tuple(hunt(MemorySource(demo_tenant(11, mails=5_000).frames)))


@cache
def attacked() -> Grade:
    """The grade of the demo's hijacked connector, with rows, transport rules and a burst."""
    tenant = demo_tenant(11, mails=5_000)
    worst = hunted()[0]
    return grade(MemorySource(tenant.frames), Alert(connector=worst.connector, timestamp=worst.at))


def poisoned(found: Grade, *texts: str) -> Grade:
    """The same grade with every text that comes from the data replaced, in turn, by these."""
    number = 0

    def text() -> str:
        nonlocal number
        number += 1
        return texts[number % len(texts)]

    def poison(value: Any) -> Any:
        match value:
            case enum.Enum() | Window() | Table():
                return value
            case str():
                return text()
            case tuple():
                return tuple(map(poison, value))
            case Mapping():
                return {text(): poison(held) for held in value.values()}
            case _ if attrs.has(type(value)):
                held = {
                    field.name: poison(getattr(value, field.name))
                    for field in attrs.fields(type(value))
                    if field.init and field.name != "kind"
                }
                return attrs.evolve(value, **held)
            case _:
                return value

    coverage = tuple(
        attrs.evolve(standing, reasons=poison(standing.reasons), notes=(text(),))
        for standing in found.coverage
    )
    return attrs.evolve(
        found,
        connector=text(),
        summary=text(),
        explanation=text(),
        reasons=(text(),),
        coverage=coverage,
        flips=poison(found.flips),
        timeline=poison(found.timeline),
        actions=poison(found.actions),
        evidence=poison(found.evidence),
        radius=poison(found.radius),
    )

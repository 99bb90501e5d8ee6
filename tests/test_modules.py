"""No module is long without a reason."""

from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "exconn"
LONG = 400

REASONS = {
    "facts/mail/definitions.py": "the facts of mail, one after the other",
    "facts/queries.py": "the queries, one after the other",
    "kql/tree.py": "one class, which reads an expression",
    "playbook.py": "the lines of the published playbook, one after the other",
    "query.py": "one class, its steps, and what they do in Polars",
    "signals/sender.py": "the signals of a family, one after the other",
    "simulate/_connectors.py": "the connectors of a simulated tenant, one after the other",
    "tables/_defender.py": "the columns of the tables, one after the other",
    "testing/scenarios/_stage.py": "one class: what a scenario can do to a tenant",
    "testing/strategies.py": "strategies for every record and table, one after the other",
    "testing/tenant.py": "one class: a tenant as services show it",
}


def test_no_module_is_long_without_a_reason() -> None:
    lines = {
        module.relative_to(SOURCE).as_posix(): len(module.read_text("utf-8").splitlines())
        for module in SOURCE.rglob("*.py")
    }
    assert {name for name, size in lines.items() if size > LONG} == set(REASONS)

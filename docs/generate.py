"""Write the reference pages that derive from values: ``python docs/generate.py [--check]``."""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import exconn
from exconn.facts import FACTS
from exconn.grading import SCHEMA_VERSION, Policy, grade_schema
from exconn.playbook import PLAYBOOK, Item, Section
from exconn.signals import ALTERNATIVES, QUESTIONS, SIGNALS, Family
from exconn.tables import TABLES

REFERENCE = Path(__file__).parent / "reference"
_NOTE = "<!-- Made by docs/generate.py from the code. Do not edit. -->\n"


def playbook_page() -> Iterator[str]:
    """The playbook, bullet by bullet, and what answers each."""
    yield "# The playbook, and what answers it\n"
    yield (
        "Every bullet and query of Microsoft's [playbook]"
        "(https://learn.microsoft.com/defender-xdr/alert-grading-for-malicious-exchange-connectors)"
        ", in its order and in our words. Signals, facts, tables and questions link to their "
        "pages.\n"
    )
    for section in Section:
        yield f"## {section.value}\n"
        yield "| The playbook asks | exconn answers with |\n|---|---|"
        for item in PLAYBOOK:
            if item.section is section:
                nested = "↳ " * item.depth
                yield f"| {nested}{_cell(item.text)} | {_answers(item)} |"
        yield ""
        for item in PLAYBOOK:
            if item.section is section and item.note:
                yield f"*{_cell(item.text)}*: {item.note}\n"


def signals_page() -> Iterator[str]:
    """Every signal by family, and the questions."""
    yield "# Signals\n"
    yield (
        "A signal is one frozen value: a condition over [facts](facts.md), a weight, and its "
        "reasons. It fires, is clear, or is unassessed where a fact is unknown. Weights are those "
        "of a signal that fires alone in its family; they are [derived](../explanation/verdicts.md)"
        " and kept in the shipped policy.\n"
    )
    policy = Policy()
    for family in Family:
        yield f"## {family.value.capitalize()}\n"
        for signal in SIGNALS:
            if signal.family is family:
                yield f"### {signal.id} {{#{signal.id}}}\n"
                weight = policy.weight(signal)
                yield f"**{signal.title}**: {signal.direction.value}, weight {weight:g}.\n"
                yield f"{signal.rationale}\n"
                yield f"- Fires where `{_expression(signal.when)}`"
                yield f"- Says: {signal.sentence}"
                if signal.remediation:
                    yield f"- To do: {signal.remediation}"
                if signal.attack_ids:
                    yield f"- ATT&CK: {', '.join(signal.attack_ids)}"
                yield f"- Helps to answer: [{signal.question.text}](#{signal.question.id})"
                yield f"- See: {', '.join(f'<{url}>' for url in signal.references)}\n"
    yield "## Alternative explanations\n"
    yield (
        "Weighed beside every verdict, by the clues for and against each; the share of the first "
        "that hold, less that of the second, ranks them.\n"
    )
    for alternative in ALTERNATIVES:
        yield f"### {alternative.title} {{#{alternative.id}}}\n"
        yield f"{alternative.about}\n"
        for clue in alternative.for_it:
            yield f"- For it: `{_expression(clue.when)}`"
        for clue in alternative.against_it:
            yield f"- Against it: `{_expression(clue.when)}`"
        yield ""
    yield "## Questions\n"
    yield "What a grade answers in so many words: yes, no, or that it could not be assessed.\n"
    for question in QUESTIONS:
        yield f"### {question.text} {{#{question.id}}}\n"
        yield f"Yes where `{_expression(question.answer)}`. Shown by: "
        yield ", ".join(_fact(name) for name in question.facts) + ".\n"


def facts_page() -> Iterator[str]:
    """Every fact."""
    yield "# Facts\n"
    yield (
        "A fact is a number about a connector in a window. It is unknown where some file with rows "
        "in the window lacks a column that it rests on; facts marked *past* need the baseline as "
        "well.\n"
    )
    yield "| Fact | Unit | What it is | Rests on |\n|---|---|---|---|"
    for fact in FACTS:
        past = " *past*" if fact.past else ""
        reads = ", ".join(sorted(column for _, column in fact.reads if column != "Timestamp"))
        tables = ", ".join(sorted(fact.tables))
        yield (
            f'| <span id="{fact.name}"></span>`{fact.name}` | {fact.unit.value}{past} '
            f"| {_cell(fact.about)} | {tables}: {reads} |"
        )


def tables_page() -> Iterator[str]:
    """Every table with its columns."""
    yield "# Tables\n"
    yield "The tables of Advanced Hunting that exconn knows. A key tells records apart.\n"
    for table in TABLES:
        yield f"## {table.name}\n"
        key = ", ".join(f"`{name}`" for name in table.key) or "all columns"
        yield f"{table.about} Key: {key}.\n"
        yield "| Column | Type | Values |\n|---|---|---|"
        for column in table.columns:
            yield f"| `{column.name}` | {column.type.value} | {', '.join(column.values)} |"
        yield ""


def api_page() -> Iterator[str]:
    """The public names, by where they belong."""
    yield "# API\n"
    yield "Everything here can be imported from `exconn`, or from the module that is named.\n"
    groups = {
        "Grading": (
            "grade",
            "hunt",
            "grade_records",
            "Grade",
            "Hunt",
            "Policy",
            "Context",
            "grade_schema",
        ),
        "Sources": ("ParquetSource", "MemorySource", "Source", "write_evidence", "read_context"),
        "Queries": ("scan", "Query", "Window", "Period"),
        "Import": ("import_files",),
        "Tables": ("Table", "Column", "KqlType", "conform"),
        "Signals and facts": ("Signal", "Family", "Direction", "Question", "Fact", "Unit"),
    }
    told = {name for names in groups.values() for name in names}
    for title, names in groups.items():
        yield f"## {title}\n"
        yield from (f"::: exconn.{name}\n" for name in names)
    yield "## Records and parts of a grade\n"
    for name in exconn.__all__:
        value = getattr(exconn, name)
        if inspect.isclass(value) and name not in told and not issubclass(value, Exception):
            yield f"::: exconn.{name}\n"
    yield "## Charts\n"
    yield "::: exconn.plots\n"
    yield "## Detectors\n"
    yield "::: exconn.detectors.email\n"
    yield "::: exconn.detectors.connector\n"
    yield "::: exconn.detectors.logon\n"
    yield "::: exconn.detectors.time\n"
    yield "## Queries that reduce the tables\n"
    yield "::: exconn.facts.queries\n"
    yield "## Reports\n"
    yield "::: exconn.reports\n"
    yield "## KQL\n"
    yield "::: exconn.kql\n"
    yield "## Simulation\n"
    yield "::: exconn.simulate\n"
    yield "## Testing kit\n"
    yield "::: exconn.testing\n"
    yield "## Errors\n"
    yield "::: exconn.errors\n"


def json_page() -> Iterator[str]:
    """The keys of a grade as JSON."""
    schema = grade_schema()
    yield "# JSON\n"
    yield (
        "`Grade.to_dict()`, `exconn grade --json` and each element of `exconn hunt --json` are one "
        "and the same object. Its JSON Schema is [grade.schema.json](grade.schema.json); "
        "`exconn schema --grade` and `exconn.grade_schema()` give the same. This page is made from "
        "it.\n"
    )
    yield (
        f"`schema_version` is `{SCHEMA_VERSION}`. It changes when a key changes its meaning or "
        "goes. New keys may come within a version; the schema is strict, so an older one refuses "
        "them: validate by the schema of the exconn that wrote the grade. All keys are always "
        "there, but for those of messages and sign-ins that are empty. Times are ISO 8601 with "
        "Z.\n"
    )
    yield (
        "```console\n$ exconn demo --to evidence --mails 2000\n$ exconn hunt evidence --json\n"
        "$ exconn schema --grade\n```\n"
    )
    for name, part in {"Grade": schema, **schema["$defs"]}.items():
        yield f"## {name}\n"
        yield f"{part['description']}\n"
        if "enum" in part:
            yield f"One of {', '.join(f'`{value}`' for value in part['enum'])}.\n"
        elif name == "Facts":
            yield "The [facts](facts.md), each a number or null.\n"
        elif "properties" in part:
            yield "| Key | Value | What it is |\n|---|---|---|"
            for key, value in part["properties"].items():
                yield f"| `{key}` | {_kind(value)} | {_cell(value.get('description', ''))} |"
            yield ""


def _kind(schema: dict[str, Any]) -> str:
    """What a value is, in a word or two."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rsplit("/", 1)[-1]
            return f"[{name}](#{name.lower()})"
        case {"const": value}:
            return f'`"{value}"`'
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": kinds}:
            return " or ".join(_kind(kind) for kind in kinds)
        case {"type": "array", "items": items}:
            return f"list of {_kind(items)}"
        case {"type": "object", "additionalProperties": values}:
            return f"object of {_kind(values)}"
        case {"format": "date-time"}:
            return "time"
        case _:
            return str(schema["type"])


PAGES = {
    "api.md": api_page,
    "facts.md": facts_page,
    "json.md": json_page,
    "playbook.md": playbook_page,
    "signals.md": signals_page,
    "tables.md": tables_page,
}


def pages() -> dict[Path, str]:
    """The text of every generated page, by its path."""
    texts = {REFERENCE / name: _NOTE + "\n".join(page()) + "\n" for name, page in PAGES.items()}
    return texts | {REFERENCE / "grade.schema.json": json.dumps(grade_schema(), indent=2) + "\n"}


def stale() -> list[Path]:
    """The generated pages that are not what the code says now."""
    return [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def _answers(item: Item) -> str:
    parts = [
        ("detectors", [f"`{d.__name__}`" for d in item.detectors]),
        ("queries", [f"`{q.__name__}`" for q in item.queries]),
        ("facts", [_fact(name) for name in item.facts]),
        ("signals", [f"[{s.id}](signals.md#{s.id})" for s in item.signals]),
        ("questions", [f"[{q.text}](signals.md#{q.id})" for q in item.questions]),
        ("actions", [f"`{action.value}`" for action in item.actions]),
        ("shown in", [f"`{name}`" for name in item.evidence]),
        ("tables", [f"[{t.name}](tables.md#{t.name.lower()})" for t in item.tables]),
    ]
    return "<br>".join(f"{kind}: {', '.join(found)}" for kind, found in parts if found)


def _fact(name: str) -> str:
    return f"[`{name}`](facts.md#{name})"


def _expression(expr: object) -> str:
    plain = re.sub(r'col\("(\w+)"\)|dyn (?:int|float): ', r"\1", str(expr))
    plain = re.sub(r"\(([\w.]+)\)", r"\1", plain.replace("[", "(").replace("]", ")"))
    while True:
        shorter = re.sub(r"\((\((?:[^()]|\([^()]*\))*\))\)", r"\1", plain)
        if shorter == plain:
            return re.sub(r"^\(([^()]*)\)$", r"\1", plain)
        plain = shorter


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Iterable[str]) -> int:
    """Write the pages, or only say which are stale."""
    old = stale()
    if "--check" in arguments:
        for path in old:
            print(f"{path} is stale: run python docs/generate.py")
        return 1 if old else 0
    REFERENCE.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

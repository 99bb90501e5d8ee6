"""The JSON Schema of a grade: real grades hold to it, and nothing undeclared does."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from exconn import Alert, MemorySource, grade, grade_schema, hunt
from exconn.cli import run
from exconn.grading import SCHEMA_VERSION, Grade
from exconn.testing.scenarios import FAMILIES, Family
from incidents import AUDIT, CLICKS, LOGONS, MAIL, attacked, graded, honest, source

SCHEMA = grade_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def as_read(found: Grade) -> dict[str, Any]:
    """The grade as another program reads it."""
    read: dict[str, Any] = json.loads(found.to_json())
    return read


def objects(value: object, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a value, with its path; all elements of a list have one path."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from objects(inner, f"{path}.{name}")
    if isinstance(value, list):
        for inner in value:
            yield from objects(inner, f"{path}[]")


def test_it_is_a_schema_and_names_its_version() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].endswith(f":{SCHEMA_VERSION}")
    assert SCHEMA["properties"]["schema_version"] == {
        "const": SCHEMA_VERSION,
        "description": "changes when a key changes its meaning or goes.",
    }


@pytest.mark.parametrize("family", FAMILIES[::5], ids=lambda family: family.name)
def test_grades_of_scenarios_hold_to_it(family: Family) -> None:
    scenario = family.scenario(3)
    found = grade(MemorySource(scenario.frames), scenario.alert, context=scenario.context)
    VALIDATOR.validate(as_read(found))


def test_grades_of_a_hunt_hold_to_it() -> None:
    for found in hunt(source(attacked())):
        VALIDATOR.validate(as_read(found))


@pytest.mark.parametrize("missing", [MAIL, AUDIT, LOGONS])
def test_grades_without_a_table_hold_to_it(missing: str) -> None:
    tenant = attacked()
    alert_at, name = tenant.at, tenant.connector("quiet").name
    assert alert_at is not None
    found = hunt(source(tenant, **{missing: None}), at=alert_at)
    for each in found:
        VALIDATOR.validate(as_read(each))
    assert missing == MAIL or name in {each.connector for each in found}


def test_a_benign_grade_holds_to_it() -> None:
    VALIDATOR.validate(as_read(graded(honest())))


def test_a_key_that_is_not_declared_is_refused_wherever_it_stands() -> None:
    read = as_read(graded(attacked()))
    one_of_each = dict(objects(read))
    for path, found in one_of_each.items():
        found["surprise"] = None
        assert not VALIDATOR.is_valid(read), path
        del found["surprise"]
    VALIDATOR.validate(read)
    assert len(one_of_each) > 20


def test_every_key_of_a_grade_is_required() -> None:
    read = as_read(graded(honest()))
    for name in list(read):
        without = {key: value for key, value in read.items() if key != name}
        assert not VALIDATOR.is_valid(without), name


def test_every_object_says_whether_it_takes_other_keys() -> None:
    for path, found in objects(SCHEMA):
        assert found.get("type") != "object" or "additionalProperties" in found, path


def test_a_grade_with_clicks_on_links_holds_to_it() -> None:
    tenant = attacked()
    name = tenant.connector("quiet").name
    clicks = (
        tenant.frames[MAIL]
        .filter(pl.col("Connectors") == name)
        .select("Timestamp", "NetworkMessageId")
        .with_columns(Url=pl.lit("https://c.example"), ActionType=pl.lit("ClickBlocked"))
    )
    assert tenant.at is not None
    alert = Alert(connector=name, timestamp=tenant.at)
    found = grade(source(tenant, **{CLICKS: clicks}), alert)
    assert found.radius.clicks is not None
    assert found.radius.clicks.latest
    VALIDATOR.validate(as_read(found))


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--grade"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_the_command_takes_a_table_or_grade_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "EmailEvents", "--grade"]) == 2
    assert "not both" in capsys.readouterr().err

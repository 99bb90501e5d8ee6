"""The JSON Schema of a grade, derived from the classes that `Grade.to_dict` writes."""

import enum
import inspect
import re
import types
import typing
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import attrs

from exconn.coverage import Standing, TableCoverage, TableState
from exconn.facts import FACTS
from exconn.grading.actions import Action
from exconn.grading.evidence import Evidence
from exconn.grading.findings import Answer, Answered, Finding, State
from exconn.grading.outlook import Considered, Flip, Look
from exconn.grading.radius import Radius
from exconn.grading.result import SCHEMA_VERSION, Grade
from exconn.grading.timeline import Event
from exconn.grading.verdict import Classification, Determination
from exconn.models import ConnectorChange
from exconn.models._record import Record
from exconn.signals import Alternative, Direction, Family, Question, Signal
from exconn.window import Window

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_FACT: Schema = {"type": ["number", "null"]}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_TIME: Schema = {"type": "string", "format": "date-time", "pattern": "Z$"}
_PLAIN: Mapping[object, Schema] = {
    str: _TEXT,
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: _TIME,
    types.NoneType: {"type": "null"},
}
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def grade_schema() -> Schema:
    """The JSON Schema (2020-12) of `Grade.to_dict`, and of each element of ``exconn hunt --json``.

    It is strict: a key that is not declared is an error. Its ``$id`` has the schema's version.
    """
    made = _Definitions()
    about = _attributes(Grade)
    properties = {
        "schema_version": {"const": SCHEMA_VERSION},
        "connector": _TEXT,
        "at": _TIME,
        "window": made.named("Window", _window()),
        "classification": made.of(Classification),
        "determination": made.of(Determination),
        "score": _SHARE,
        "margin": {"type": "number"},
        "confidence": _SHARE,
        "thresholds": made.named(
            "Thresholds",
            _object(
                {"true_positive": {"type": "number"}, "benign": {"type": "number"}}, _THRESHOLDS
            ),
        ),
        "summary": _TEXT,
        "explanation": _TEXT,
        "reasons": _TEXTS,
        "signals": _many(made.named("Signal", _signal(made))),
        "questions": _many(made.named("Question", _question(made))),
        "coverage": _many(made.named("Table", _table(made))),
        "alternatives": _many(made.named("Alternative", _alternative())),
        "flips": _many(made.of(Flip)),
        "looks": _many(made.of(Look)),
        "facts": made.named("Facts", _object({fact.name: _FACT for fact in FACTS}, _FACTS)),
        "timeline": _many(made.of(Event)),
        "actions": _many(made.of(Action)),
        "evidence": made.of(Evidence),
        "radius": made.of(Radius),
    }
    described = about | {
        "schema_version": "changes when a key changes its meaning or goes.",
        "at": "the time that was judged.",
        "window": "when.",
        "thresholds": _THRESHOLDS,
        "signals": about["findings"],
        "questions": about["answers"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:exconn:grade:{SCHEMA_VERSION}",
        "title": "Grade",
        **_object(properties, _summary(Grade), described),
        "$defs": dict(sorted(made.found.items())),
    }


_THRESHOLDS = "what the margin must reach for a verdict, at least and at most."
_FACTS = "every fact; null where it could not be assessed."


def _window() -> Schema:
    about = {name: _summary(getattr(Window, name)) for name in ("baseline_start", "start", "end")}
    return _object(dict.fromkeys(about, _TIME), _summary(Window), about)


def _signal(made: "_Definitions") -> Schema:
    about = _attributes(Signal) | _attributes(Finding)
    properties = {
        "id": _TEXT,
        "question": _TEXT,
        "family": made.of(Family),
        "state": made.of(State),
        "direction": {"enum": [direction.name.lower() for direction in Direction]},
        "contribution": {"type": "number"},
        "facts": made.named("SomeFacts", _some_facts()),
        "sentence": _TEXT,
        "attack_ids": _TEXTS,
    }
    described = about | {
        "question": "the id of the question that it helps to answer.",
        "sentence": "what it says, for people.",
    }
    return _object(properties, _summary(Finding), described)


def _question(made: "_Definitions") -> Schema:
    properties = {
        "id": _TEXT,
        "text": _TEXT,
        "answer": made.of(Answer),
        "evidence": made.named("SomeFacts", _some_facts()),
    }
    described = _attributes(Question) | {
        "answer": "what the answer is.",
        "evidence": "the facts that show it.",
    }
    return _object(properties, _summary(Answered), described)


def _table(made: "_Definitions") -> Schema:
    when: Schema = {"anyOf": [_TIME, {"type": "null"}]}
    properties = {
        "table": _TEXT,
        "state": made.of(TableState),
        "rows": _COUNT,
        "undated": _COUNT,
        "first": when,
        "last": when,
        "missing_columns": _TEXTS,
        "reasons": _TEXTS,
        "notes": _TEXTS,
    }
    counted = {n: _summary(getattr(TableCoverage, n)) for n in ("rows", "undated", "first", "last")}
    described = _attributes(Standing) | counted | {"table": "its name."}
    return _object(properties, _summary(Standing), described)


def _alternative() -> Schema:
    about = _attributes(Considered)
    properties: dict[str, Schema] = {
        "id": _TEXT,
        "title": _TEXT,
        "balance": {"type": "number", "minimum": -1, "maximum": 1},
        "for": _TEXTS,
        "against": _TEXTS,
        "unassessed": _COUNT,
    }
    described = _attributes(Alternative) | {
        "balance": about["balance"],
        "for": about["for_it"],
        "against": about["against_it"],
        "unassessed": about["open"],
    }
    return _object(properties, _summary(Considered), described)


def _some_facts() -> Schema:
    return {
        "type": "object",
        "description": "Some of the facts, by name.",
        "propertyNames": {"enum": [fact.name for fact in FACTS]},
        "additionalProperties": _FACT,
    }


class _Definitions:
    """The schemas of types, each class under its name."""

    def __init__(self) -> None:
        self.found: dict[str, Schema] = {}

    def named(self, name: str, schema: Schema) -> Schema:
        """Keep a schema under a name, and refer to it."""
        self.found[name] = schema
        return {"$ref": f"#/$defs/{name}"}

    def of(self, kind: Any) -> Schema:
        """The schema of a type, as `Grade.to_dict` writes its values."""
        arguments = typing.get_args(kind)
        match typing.get_origin(kind):
            case typing.Union | types.UnionType:
                return {"anyOf": [self.of(one) for one in arguments]}
            case origin if origin is tuple:
                return _many(self.of(arguments[0]))
            case origin if origin is Mapping:
                return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if kind in _PLAIN:
            return _PLAIN[kind]
        if issubclass(kind, enum.Enum):
            values = [member.value for member in kind]
            return self.named(kind.__name__, {"description": _summary(kind), "enum": values})
        return self.named(kind.__name__, self._fields(kind))

    def _fields(self, cls: type) -> Schema:
        hints = typing.get_type_hints(cls)
        names = [field.name for field in attrs.fields(cls)]
        properties = {name: self.of(hints[name]) for name in names}
        described = _attributes(cls)
        if issubclass(cls, Record):  # empty values are left out
            described = {name: f"{cls.TABLE.name}: {n}." for name, n in cls.columns().items()}
            return _object(properties, _summary(cls), described, required=("timestamp",))
        if issubclass(cls, ConnectorChange):
            properties = {"connector": _TEXT, **properties}
            described |= {"connector": _summary(cls.connector)}
        return _object(properties, _summary(cls), described)


def _many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(
    properties: Mapping[str, Schema],
    description: str,
    described: Mapping[str, str] | None = None,
    *,
    required: Collection[str] | None = None,
) -> Schema:
    """An object with these keys and no others, all of them required unless it is said which are."""
    told = described or {}
    return {
        "type": "object",
        "description": description,
        "properties": {
            name: {**schema, "description": told[name]} if name in told else schema
            for name, schema in properties.items()
        },
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _summary(documented: object) -> str:
    """The first sentence of a docstring; "" where Python strips docstrings."""
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _attributes(cls: type) -> dict[str, str]:
    """What docstrings say of a class's attributes, in JSON's words."""
    found: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        told = inspect.cleandoc(ancestor.__doc__ or "").partition("Attributes:\n")[2]
        for name, about in _ATTRIBUTE.findall(told):
            found[name] = re.sub(r"\bNone\b", "null", " ".join(about.split()))
    return found

"""Nodes become KQL text. The only module that knows how KQL says things."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from attrs import evolve

from exconn.kql.nodes import Aggregate, Column, Literal, Node, Op
from exconn.kql.text import literal, name, span, string
from exconn.tables import KqlType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}

# How tightly the operators bind, loosest first.
_OR, _AND, _COMPARE, _ADD, _MULTIPLY, _ATOM = range(6)

_CASTS = {
    KqlType.LONG: "tolong",
    KqlType.INT: "toint",
    KqlType.REAL: "todouble",
    KqlType.STRING: "tostring",
    KqlType.DATETIME: "todatetime",
    KqlType.BOOL: "tobool",
}
_SEARCH = {"starts": "startswith_cs", "ends": "endswith_cs", "contains": "contains_cs"}
_CALLS = {
    "lower": "tolower",
    "upper": "toupper",
    "length": "strlen",
    "list_length": "array_length",
    "hour": "hourofday",
    "day": "dayofmonth",
    "month": "monthofyear",
    "year": "getyear",
}


def value(node: Node) -> str:
    """A node as a value."""
    return _text(node)[0]


def condition(node: Node) -> str:
    """A boolean node as a condition: true exactly where it is true."""
    return _where(node, wanted=True)[0]


def terms(node: Node) -> list[Node]:
    """The conditions that a conjunction joins."""
    if isinstance(node, Op) and node.name == "and":
        return [term for part in node.args for term in terms(part)]
    return [node]


def joined(conditions: list[Node]) -> str:
    """Several conditions, all of which must hold."""
    texts = [_where(node, wanted=True) for node in conditions]
    if len(texts) == 1:
        return texts[0][0]
    return " and ".join(_held(text, _AND) for text in texts)


_Text = tuple[str, int]


def _held(text: _Text, binding: int) -> str:
    """A text in brackets where it binds less tightly than what holds it."""
    return text[0] if text[1] >= binding else f"({text[0]})"


def _text(node: Node) -> _Text:
    match node:
        case Column():
            return _column(node), _ATOM
        case Literal():
            return literal(node.value, node.type), _ATOM
        case Aggregate():
            return _aggregate(node)
        case Op() if node.type is KqlType.BOOL:
            return _boolean_value(node)
        case Op():
            return _operation(node)
    raise TypeError(f"no text for {node!r}")  # pragma: no cover


def _column(node: Column) -> str:
    plain = name(node.name)
    if node.stored is None and node.type is not KqlType.DYNAMIC:
        return plain
    return f"{_CASTS[KqlType.STRING if node.type is KqlType.DYNAMIC else node.type]}({plain})"


def _operation(node: Op) -> _Text:
    args = node.args
    match node.name, node.option:
        case "+" | "-", _:
            right = _ADD if node.name == "+" else _MULTIPLY
            return f"{_held(_text(args[0]), _ADD)} {node.name} {_held(_text(args[1]), right)}", _ADD
        case "*", _:
            texts = [_held(_text(arg), _MULTIPLY) for arg in args]
            return " * ".join(texts), _MULTIPLY
        case "/", _:
            left = args[0] if args[0].type is KqlType.REAL else _cast_to(KqlType.REAL, args[0])
            return f"{_held(_text(left), _MULTIPLY)} / {_held(_text(args[1]), _ATOM)}", _MULTIPLY
        case "negate", _:
            return f"-{_held(_text(args[0]), _ATOM)}", _MULTIPLY
        case "if", _:
            chosen = [value(arg) for arg in args[1:]]
            return f"iff({condition(args[0])}, {', '.join(chosen)})", _ATOM
        case "coalesce", _:
            return f"coalesce({', '.join(value(arg) for arg in args)})", _ATOM
        case "cast", _:
            return _cast(node), _ATOM
        case "concat", str(delimiter):
            texts = [value(arg) for arg in args]
            if delimiter:
                return f"strcat_delim({string(delimiter)}, {', '.join(texts)})", _ATOM
            return f"strcat({', '.join(texts)})", _ATOM
        case "extract", (str(pattern), int(group)):
            return f"extract({string(pattern)}, {group}, {value(args[0])})", _ATOM
        case "split", str(separator):
            return f"split({value(args[0])}, {string(separator)})", _ATOM
        case "element", int(index):
            return f"tostring({value(args[0])}[{index}])", _ATOM
        case "replace", (str(old), str(new)):
            return f"replace_string({value(args[0])}, {string(old)}, {string(new)})", _ATOM
        case "slice", (int(start), length):
            end = "" if length is None else f", {length}"
            return f"substring({value(args[0])}, {start}{end})", _ATOM
        case "trim" | "trim_start" | "trim_end", str(characters):
            pattern = "[" + "".join(f"\\{c}" if not c.isalnum() else c for c in characters) + "]+"
            return f"{node.name}({string(pattern)}, {value(args[0])})", _ATOM
        case "json", str(path):
            return f"tostring(parse_json({value(args[0])}){path})", _ATOM
        case "truncate", timedelta() as every:
            return _truncated(value(args[0]), every), _ATOM
        case "minute" | "second", _:
            return f"datetime_part({string(node.name)}, {value(args[0])})", _ATOM
        case "weekday", _:
            return f"toint((dayofweek({value(args[0])}) + 6d) % 7d / 1d) + 1", _ADD
        case "total", timedelta() as unit:
            return f"tolong({_held(_text(args[0]), _MULTIPLY)} / {span(unit)})", _ATOM
        case other, _:
            return f"{_CALLS[other]}({', '.join(value(arg) for arg in args)})", _ATOM


def _cast_to(kind: KqlType, node: Node) -> Op:
    return Op(name="cast", type=kind, args=(node,), nullable=node.nullable)


def _cast(node: Op) -> str:
    (inner,) = node.args
    if inner.type is KqlType.DATETIME and node.type is KqlType.LONG:
        return f'datetime_diff("microsecond", {value(inner)}, datetime(1970-01-01))'
    if inner.type is KqlType.BOOL and node.type is KqlType.STRING:
        return f'iff({value(inner)}, "true", "false")'
    return f"{_CASTS[node.type]}({value(inner)})"


def _truncated(text: str, every: timedelta) -> str:
    if every <= _DAY and _DAY % every == timedelta(0):
        return f"bin({text}, {span(every)})"
    # Polars counts weeks from a Monday, and other spans from 1970.
    start = "1969-12-29" if every % timedelta(weeks=1) == timedelta(0) else "1970-01-01"
    return f"bin_at({text}, {span(every)}, datetime({start}))"


# Conditions


def _boolean_value(node: Op) -> _Text:
    true = _where(node, wanted=True)
    if not node.nullable:
        return true
    false = _where(node, wanted=False)
    return f"case({true[0]}, true, {false[0]}, false, bool(null))", _ATOM


def _where(node: Node, *, wanted: bool, total: bool = False) -> _Text:
    """A text that is true exactly where the node is true (or, if not wanted, false).

    Elsewhere it is false or, where it is not `total`, null: which a filter takes for false.
    """
    if isinstance(node, Op):
        match node.name:
            case "and" | "or":
                return _both(node, wanted=wanted, total=total)
            case "not":
                return _where(node.args[0], wanted=not wanted, total=total)
            case "coalesce":
                return _filled(node, wanted=wanted)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return _comparison(node, wanted=wanted, total=total)
            case "in":
                return _in(node, wanted=wanted, total=total)
            case "isnull" | "isnotnull":
                return _null_test(node, wanted=wanted)
            case "if":
                chosen = [_where(arg, wanted=wanted, total=True)[0] for arg in node.args[1:]]
                return f"iff({condition(node.args[0])}, {', '.join(chosen)})", _ATOM
            case "matches":
                subject = _held(_text(node.args[0]), _ADD)
                return _negatable(f"{subject} matches regex {string(str(node.option))}", wanted)
            case other if other in _SEARCH:
                return _search(node, wanted=wanted)
    text = _text(node)
    if isinstance(node, Literal):
        return literal(node.value is True if wanted else node.value is False, node.type), _ATOM
    if wanted:
        return (f"{_held(text, _ADD)} == true", _COMPARE) if total and node.nullable else text
    if node.nullable:
        return f"{_held(text, _ADD)} == false", _COMPARE
    return f"not({text[0]})", _ATOM


def _both(node: Op, *, wanted: bool, total: bool) -> _Text:
    word = node.name if wanted else {"and": "or", "or": "and"}[node.name]
    binding = _AND if word == "and" else _OR
    texts = [_where(part, wanted=wanted, total=total) for part in _alike(node)]
    # Mixed and/or is bracketed for readers, though `and` binds tighter.
    return f" {word} ".join(
        _held(text, _AND) if text[1] != binding else text[0] for text in texts
    ), binding


def _alike(node: Op) -> list[Node]:
    found: list[Node] = []
    for part in node.args:
        same = isinstance(part, Op) and part.name == node.name
        found += _alike(part) if same and isinstance(part, Op) else [part]
    return found


def _filled(node: Op, *, wanted: bool) -> _Text:
    first, *rest = node.args
    default = rest[0] if len(rest) == 1 else None
    if isinstance(default, Literal) and isinstance(default.value, bool):
        if default.value is not wanted:
            return _where(first, wanted=wanted, total=True)
        return _not(_where(first, wanted=not wanted, total=True))
    text = f"coalesce({', '.join(value(arg) for arg in node.args)})"
    return f"{text} == {'true' if wanted else 'false'}", _COMPARE


def _not(text: _Text) -> _Text:
    return f"not({text[0]})", _ATOM


def _negatable(text: str, wanted: bool) -> _Text:  # noqa: FBT001
    return (text, _COMPARE) if wanted else (f"not({text})", _ATOM)


def _null_test(node: Op, *, wanted: bool) -> _Text:
    is_null = (node.name == "isnull") is wanted
    return f"{'isnull' if is_null else 'isnotnull'}({value(node.args[0])})", _ATOM


def _search(node: Op, *, wanted: bool) -> _Text:
    left, right = node.args
    operator = _SEARCH[node.name] if wanted else f"!{_SEARCH[node.name]}"
    return f"{_held(_text(left), _ADD)} {operator} {_held(_text(right), _ADD)}", _COMPARE


def _in(node: Op, *, wanted: bool, total: bool) -> _Text:
    options = node.option if isinstance(node.option, tuple) else ()
    subject = node.args[0]
    if not options:
        return ("false" if wanted else "true"), _ATOM
    kind = KqlType.STRING if isinstance(options[0], str) else KqlType.LONG
    listed = ", ".join(literal(option, kind) for option in options)
    text = f"{_held(_text(subject), _ADD)} {'in' if wanted else '!in'} ({listed})"
    return _guarded((text, _COMPARE), [subject], needed=total or not wanted)


def _comparison(node: Op, *, wanted: bool, total: bool) -> _Text:
    left, right = node.args
    operator = node.name if wanted else _NEGATED[node.name]
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right, operator = right, left, _MIRRORED[operator]
    nullable = [arg for arg in (left, right) if arg.nullable]
    guard = total or operator == "!=" or (operator == "==" and len(nullable) == 2)
    if left.type is KqlType.BOOL:
        text = f"{_held(_text(left), _ADD)} {operator} {_held(_text(right), _ADD)}", _COMPARE
        return _guarded(text, nullable, needed=guard)
    if left.ticks or right.ticks:
        return _guarded(_instants(operator, left, right), nullable, needed=guard)
    text = f"{_held(_text(left), _ADD)} {operator} {_held(_text(right), _ADD)}", _COMPARE
    return _guarded(text, nullable, needed=guard)


def _instants(operator: str, left: Node, right: Node) -> _Text:
    """Compare times of which frames keep whole microseconds only."""
    subject = _held(_text(left), _ADD)
    if isinstance(right, Literal) and isinstance(right.value, datetime):
        here = literal(right.value, KqlType.DATETIME)
        after = literal(right.value + _TICK, KqlType.DATETIME)
        match operator:
            case ">=" | "<":
                return f"{subject} {operator} {here}", _COMPARE
            case "<=":
                return f"{subject} < {after}", _COMPARE
            case ">":
                return f"{subject} >= {after}", _COMPARE
            case "==":
                return f"{subject} >= {here} and {subject} < {after}", _AND
            case _:
                return f"{subject} < {here} or {subject} >= {after}", _OR
    texts = [_truncated(value(n), _TICK) if n.ticks else value(n) for n in (left, right)]
    return f"{texts[0]} {operator} {texts[1]}", _COMPARE


def _guarded(text: _Text, nullable: list[Node], *, needed: bool) -> _Text:
    guards = list(dict.fromkeys(f"isnotnull({value(n)})" for n in nullable if n.nullable))
    if not needed or not guards:
        return text
    return " and ".join([*guards, _held(text, _AND)]), _AND


# Aggregations


def _aggregate(node: Aggregate) -> _Text:
    subject = "" if node.value is None else value(node.value)
    where = None if node.where is None else _where(node.where, wanted=True)[0]
    return _AGGREGATES[node.name](node, subject, where)


def _len(_node: Aggregate, _subject: str, where: str | None) -> _Text:
    return (f"countif({where})" if where else "count()"), _ATOM


def _count(_node: Aggregate, subject: str, where: str | None) -> _Text:
    return f"countif({_all_of(where, f'isnotnull({subject})')})", _ATOM


def _n_unique(node: Aggregate, subject: str, where: str | None) -> _Text:
    if node.estimate:
        text = f"dcountif({subject}, {where})" if where else f"dcount({subject})"
    else:
        text = f"count_distinctif({subject}, {where})" if where else f"count_distinct({subject})"
    if node.value is None or not node.value.nullable:
        return text, _ATOM
    nulls = f"countif({_all_of(where, f'isnull({subject})')})"
    return f"{text} + iff({nulls} > 0, 1, 0)", _ADD


def _sum(node: Aggregate, subject: str, where: str | None) -> _Text:
    if node.value is not None and node.value.type is KqlType.BOOL:
        condition_text = _where(node.value, wanted=True)[0]
        return f"countif({_all_of(where, condition_text)})", _ATOM
    text = f"sumif({subject}, {where})" if where else f"sum({subject})"
    zero = {KqlType.REAL: "0.0", KqlType.TIMESPAN: "0s"}.get(node.type, "0")
    may_be_none = where is not None or (node.value is not None and node.value.nullable)
    return (f"coalesce({text}, {zero})" if may_be_none else text), _ATOM


def _extreme(node: Aggregate, subject: str, where: str | None) -> _Text:
    chosen = f"iff({where}, {subject}, {node.type.value}(null))" if where else subject
    return f"{node.name}({chosen})", _ATOM


def _mean(_node: Aggregate, subject: str, where: str | None) -> _Text:
    return (f"avgif({subject}, {where})" if where else f"avg({subject})"), _ATOM


def _quantile(node: Aggregate, subject: str, where: str | None) -> _Text:
    percent = (node.option or 0.0) * 100
    chosen = f"iff({where}, {subject}, {node.type.value}(null))" if where else subject
    return f"percentile({chosen}, {percent:g})", _ATOM


def _set(_node: Aggregate, subject: str, where: str | None) -> _Text:
    made = f"make_set_if({subject}, {where})" if where else f"make_set({subject})"
    return f"array_sort_asc({made})", _ATOM


def _any(node: Aggregate, _subject: str, where: str | None) -> _Text:
    assert node.value is not None  # noqa: S101 # any and all have one
    found = _where(node.value, wanted=node.name == "any")[0]
    return f"countif({_all_of(where, found)}) {'>' if node.name == 'any' else '=='} 0", _COMPARE


def _all_of(where: str | None, condition_text: str) -> str:
    if where is None:
        return condition_text
    parts = [f"({p})" if re.search(r"\bor\b", p) else p for p in (where, condition_text)]
    return " and ".join(parts)


_AGGREGATES: Mapping[str, Callable[[Aggregate, str, str | None], _Text]] = {
    "len": _len,
    "count": _count,
    "n_unique": _n_unique,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "mean": _mean,
    "quantile": _quantile,
    "set": _set,
    "any": _any,
    "all": _any,
}


def as_type(node: Node, kind: KqlType) -> Node:
    """The node, converted where a column of another type was promised."""
    if node.type is kind or {node.type, kind} <= {KqlType.DYNAMIC, KqlType.STRING}:
        return node
    if isinstance(node, Literal):
        return evolve(node, type=kind)
    return _cast_to(kind, node)

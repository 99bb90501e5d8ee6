"""Nodes become KQL text. The only module that knows how KQL says things."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from attrs import evolve

from exconn.kql.nodes import MICROSECOND, Aggregate, Column, Literal, Node, Op, cast, floored
from exconn.kql.text import literal, name, span, string
from exconn.tables import KqlType

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
    "list length": "array_length",
    "has element": "set_has_element",
    "hour": "hourofday",
    "day": "dayofmonth",
    "day of year": "dayofyear",
    "week": "week_of_year",
    "month": "monthofyear",
    "year": "getyear",
    "start of month": "startofmonth",
    "start of year": "startofyear",
}

_Text = tuple[str, int]


def value(node: Node) -> str:
    """A node as a value."""
    return _text(node)[0]


def condition(node: Node) -> str:
    """A boolean node as a condition: true exactly where it is true."""
    return _where(node, wanted=True)[0]


def terms(node: Node) -> list[Node]:
    """The conditions all of which must hold for a filter, which takes null for false."""
    if isinstance(node, Op) and node.name == "and":
        return [term for part in node.args for term in terms(part)]
    if isinstance(node, Op) and node.name == "coalesce":
        first, *rest = node.args
        if len(rest) == 1 and isinstance(rest[0], Literal) and rest[0].value is False:
            return terms(first)
    return [node]


def joined(conditions: list[Node]) -> str:
    """Several conditions, all of which must hold."""
    return _all([_where(node, wanted=True) for node in conditions])[0]


def _held(text: _Text, binding: int) -> str:
    """A text in brackets where it binds less tightly than what holds it."""
    return text[0] if text[1] >= binding else f"({text[0]})"


def _all(texts: list[_Text]) -> _Text:
    if len(texts) == 1:
        return texts[0]
    return " and ".join(_held(text, _AND) for text in texts), _AND


def _text(node: Node) -> _Text:
    match node:
        case Column():
            return _column(node), _ATOM
        case Literal(parameter=str(parameter)):
            return parameter, _ATOM
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
    plain = name(node.source or node.name)
    return plain if node.stored is None else f"{_CASTS[node.type]}({plain})"


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
            whole = KqlType.REAL in (args[0].type, args[1].type)
            left = args[0] if whole else cast(args[0], KqlType.REAL)
            return f"{_held(_text(left), _MULTIPLY)} / {_held(_text(args[1]), _ATOM)}", _MULTIPLY
        case "negate", _:
            return f"-{_held(_text(args[0]), _ATOM)}", _MULTIPLY
        case "if", _:
            return _choice(node), _ATOM
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
            pattern = "[" + re.sub(r"[\\\[\]^&~-]", r"\\\g<0>", characters) + "]+"
            return f"{node.name}({string(pattern)}, {value(args[0])})", _ATOM
        case "json", tuple(steps):
            return f"tostring(parse_json({value(args[0])}){''.join(map(_step, steps))})", _ATOM
        case "truncate" | "truncate weeks", timedelta() as every:
            return _truncated(value(args[0]), every, weeks=node.name == "truncate weeks"), _ATOM
        case "minute" | "second", _:
            return f"datetime_part({string(node.name)}, {value(args[0])})", _ATOM
        case "weekday", _:
            # Kusto's week begins on Sunday, with 0.
            return f"toint((tolong(dayofweek({value(args[0])}) / 1d) + 6) % 7 + 1)", _ATOM
        case "total", timedelta() as unit:
            return f"tolong({_held(_text(args[0]), _MULTIPLY)} / {span(unit)})", _ATOM
        case "coalesce", _:
            return f"coalesce({', '.join(value(arg) for arg in args)})", _ATOM
        case other, _:
            return f"{_CALLS[other]}({', '.join(value(arg) for arg in args)})", _ATOM


def _choice(node: Op) -> str:
    """`iff`, or `case` for choices one after the other."""
    cases: list[str] = []
    rest: Node = node
    while isinstance(rest, Op) and rest.name == "if":
        chosen, then, rest = rest.args
        cases += [condition(chosen), value(then)]
    call = "iff" if len(cases) == 2 else "case"
    return f"{call}({', '.join([*cases, value(rest)])})"


def _cast(node: Op) -> str:
    (inner,) = node.args
    if inner.type is KqlType.DATETIME and node.type is KqlType.LONG:
        return f'datetime_diff("microsecond", {value(inner)}, datetime(1970-01-01))'
    if inner.type is KqlType.BOOL and node.type is KqlType.STRING:
        true, false = _where(inner, wanted=True)[0], _where(inner, wanted=False)[0]
        if inner.nullable:
            return f'case({true}, "true", {false}, "false", "")'
        return f'iff({true}, "true", "false")'
    return f"{_CASTS[node.type]}({value(inner)})"


def _step(step: object) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = name(str(step))
    return f".{plain}" if plain == step else f"[{string(str(step))}]"


def _truncated(text: str, every: timedelta, *, weeks: bool = False) -> str:
    if every <= _DAY and _DAY % every == timedelta(0):
        return f"bin({text}, {span(every)})"
    # Polars counts weeks from a Monday, and other spans from 1970.
    start = "1970-01-05" if weeks else "1970-01-01"
    return f"bin_at({text}, {span(every)}, datetime({start}))"


# Conditions


def _boolean_value(node: Op) -> _Text:
    true = _where(node, wanted=True, total=not node.nullable)
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
                return _filled(node, wanted=wanted, total=total)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return _comparison(node, wanted=wanted, total=total)
            case "in":
                return _in(node, wanted=wanted, total=total)
            case "isnull" | "isnotnull":
                is_null = (node.name == "isnull") is wanted
                return f"{'isnull' if is_null else 'isnotnull'}({value(node.args[0])})", _ATOM
            case "if":
                chosen = [_where(arg, wanted=wanted, total=True)[0] for arg in node.args[1:]]
                return f"iff({condition(node.args[0])}, {', '.join(chosen)})", _ATOM
            case "matches":
                subject = _held(_text(node.args[0]), _ADD)
                found = f"{subject} matches regex {string(str(node.option))}", _COMPARE
                return found if wanted else _not(found)
            case other if other in _SEARCH:
                left, right = (_held(_text(arg), _ADD) for arg in node.args)
                return f"{left} {'' if wanted else '!'}{_SEARCH[other]} {right}", _COMPARE
    if isinstance(node, Literal):
        return ("true" if node.value is wanted else "false"), _ATOM
    text = _operation(node) if isinstance(node, Op) else _text(node)
    if node.nullable and (total or not wanted):
        return f"{_held(text, _ADD)} == {'true' if wanted else 'false'}", _COMPARE
    return text if wanted else _not(text)


def _both(node: Op, *, wanted: bool, total: bool) -> _Text:
    word = node.name if wanted else {"and": "or", "or": "and"}[node.name]
    texts = [_where(part, wanted=wanted, total=total) for part in _alike(node)]
    if word == "and":
        return _all(texts)
    # `and` binds tighter; the brackets are for readers.
    return " or ".join(f"({text})" if held == _AND else text for text, held in texts), _OR


def _alike(node: Op) -> list[Node]:
    found: list[Node] = []
    for part in node.args:
        same = isinstance(part, Op) and part.name == node.name
        found += _alike(part) if same and isinstance(part, Op) else [part]
    return found


def _filled(node: Op, *, wanted: bool, total: bool) -> _Text:
    first, *rest = node.args
    default = rest[0].value if len(rest) == 1 and isinstance(rest[0], Literal) else None
    if default is None:
        text = f"coalesce({', '.join(value(arg) for arg in node.args)})"
        return f"{text} == {'true' if wanted else 'false'}", _COMPARE
    if default is not wanted:
        return _where(first, wanted=wanted, total=total)
    return _not(_where(first, wanted=not wanted, total=True))


def _not(text: _Text) -> _Text:
    return f"not({text[0]})", _ATOM


def _in(node: Op, *, wanted: bool, total: bool) -> _Text:
    subject, *options = node.args
    if not options:
        return _guarded(("false" if wanted else "true", _ATOM), [subject], needed=not wanted)
    listed = ", ".join(value(option) for option in options)
    text = f"{_held(_text(subject), _ADD)} {'in' if wanted else '!in'} ({listed})"
    return _guarded((text, _COMPARE), [subject], needed=total or not wanted)


def _comparison(node: Op, *, wanted: bool, total: bool) -> _Text:
    left, right = node.args
    operator = node.name if wanted else _NEGATED[node.name]
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right, operator = right, left, _MIRRORED[operator]
    nullable = [arg for arg in (left, right) if arg.nullable]
    needed = total or operator == "!=" or (operator == "==" and len(nullable) == 2)
    if left.ticks or right.ticks:
        text = _instants(operator, left, right)
    else:
        text = f"{_held(_text(left), _ADD)} {operator} {_held(_text(right), _ADD)}", _COMPARE
    if left.nan or right.nan:
        text = _with_nan(text, operator, left, right)
    if text[1] == _OR and not needed:  # NaN is greater than any number, but not than null
        nullable = [arg for arg in nullable if not arg.nan]
        needed = left.nan or right.nan
    return _guarded(text, nullable, needed=needed)


def _with_nan(text: _Text, operator: str, left: Node, right: Node) -> _Text:
    """Count NaN as the greatest number, as Polars does, whatever the engine makes of it."""
    number = left if left.nan else right
    if right.nan:
        operator = _MIRRORED[operator]
    if operator in (">", ">=", "!="):
        return f"isnan({value(number)}) or {text[0]}", _OR
    return f"not(isnan({value(number)})) and {text[0]}", _AND


def _instants(operator: str, left: Node, right: Node) -> _Text:
    """Compare times of which frames keep whole microseconds only."""
    if isinstance(right, Literal) and _has_next(right.value):
        subject, here = _held(_text(left), _ADD), value(right)
        after = _microsecond_after(right)
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
    texts = [_held(_text(floored(node)), _ADD) for node in (left, right)]
    return f"{texts[0]} {operator} {texts[1]}", _COMPARE


def _has_next(moment: object) -> bool:
    return isinstance(moment, datetime) and moment.replace(tzinfo=None) < datetime.max  # noqa: DTZ901 # compared without zone


def _microsecond_after(moment: Literal) -> str:
    if moment.parameter is not None:
        return f"{moment.parameter} + {span(MICROSECOND)}"
    assert isinstance(moment.value, datetime)  # noqa: S101 # the caller looked
    return value(evolve(moment, value=moment.value + MICROSECOND))


def _guarded(text: _Text, nullable: list[Node], *, needed: bool) -> _Text:
    guards = list(dict.fromkeys(f"isnotnull({value(n)})" for n in nullable if n.nullable))
    if not needed or not guards:
        return text
    if text[0] == "true":
        return _all([(guard, _ATOM) for guard in guards])
    return _all([*((guard, _ATOM) for guard in guards), text])


# Aggregations


def _aggregate(node: Aggregate) -> _Text:
    subject = "" if node.value is None else value(node.value)
    where = None if node.where is None else _where(node.where, wanted=True)
    return _AGGREGATES[node.name](node, subject, where)


def _call(function: str, subject: str, where: _Text | None) -> str:
    """An aggregation, in its form with `if` where it takes some rows only."""
    if where is None:
        return f"{function}({subject})"
    suffix = "_if" if function == "make_set" else "if"
    return f"{function}{suffix}({subject}, {where[0]})"


def _count_of(where: _Text | None, *conditions: _Text) -> str:
    texts = [*([] if where is None else [where]), *conditions]
    return f"countif({_all(texts)[0]})" if texts else "count()"


def _len(_node: Aggregate, _subject: str, where: _Text | None) -> _Text:
    return _count_of(where), _ATOM


def _count(_node: Aggregate, subject: str, where: _Text | None) -> _Text:
    return _count_of(where, (f"isnotnull({subject})", _ATOM)), _ATOM


def _n_unique(node: Aggregate, subject: str, where: _Text | None) -> _Text:
    text = _call("dcount" if node.estimate else "count_distinct", subject, where)
    if node.value is None or not node.value.nullable:
        return text, _ATOM
    # Polars counts null as a value.
    return f"{text} + iff({_count_of(where, (f'isnull({subject})', _ATOM))} > 0, 1, 0)", _ADD


def _sum(node: Aggregate, subject: str, where: _Text | None) -> _Text:
    if node.value is not None and node.value.type is KqlType.BOOL:
        return _count_of(where, _where(node.value, wanted=True)), _ATOM
    text = _call("sum", subject, where)
    zero = {KqlType.REAL: "0.0", KqlType.TIMESPAN: "0s"}.get(node.type, "0")
    return (f"coalesce({text}, {zero})" if node.maybe_none else text), _ATOM


def _extreme(node: Aggregate, subject: str, where: _Text | None) -> _Text:
    return f"{node.name}({_chosen(node, subject, where)})", _ATOM


def _chosen(node: Aggregate, subject: str, where: _Text | None) -> str:
    if where is None or node.value is None:
        return subject
    return f"iff({where[0]}, {subject}, {node.value.type.value}(null))"


def _mean(node: Aggregate, subject: str, where: _Text | None) -> _Text:
    text = _call("avg", subject, where)
    if not node.maybe_none:
        return text, _ATOM
    some = _count_of(where, (f"isnotnull({subject})", _ATOM))
    return f"iff({some} > 0, {text}, real(null))", _ATOM


def _quantile(node: Aggregate, subject: str, where: _Text | None) -> _Text:
    text = f"percentile({_chosen(node, subject, where)}, {100 * (node.option or 0.0):g})"
    real = node.value is not None and node.value.type is KqlType.REAL
    return (text if real else f"todouble({text})"), _ATOM


def _set(_node: Aggregate, subject: str, where: _Text | None) -> _Text:
    return f"array_sort_asc({_call('make_set', subject, where)})", _ATOM


def _any(node: Aggregate, _subject: str, where: _Text | None) -> _Text:
    assert node.value is not None  # noqa: S101 # any and all have one
    found = _where(node.value, wanted=node.name == "any")
    return f"{_count_of(where, found)} {'>' if node.name == 'any' else '=='} 0", _COMPARE


_AGGREGATES: Mapping[str, Callable[[Aggregate, str, _Text | None], _Text]] = {
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

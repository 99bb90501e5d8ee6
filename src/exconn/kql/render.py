"""Nodes become KQL text. With `summaries` alone in knowing how KQL says things."""

import re
from datetime import datetime, timedelta

from attrs import evolve

from exconn.kql.binding import ADD, AND, ATOM, COMPARE, MULTIPLY, OR, Text, all_of, held
from exconn.kql.nodes import MICROSECOND, Aggregate, Column, Literal, Node, Op, cast, floored
from exconn.kql.summaries import Rows, summary
from exconn.kql.text import literal, name, span, string
from exconn.tables import KqlType

_DAY = timedelta(days=1)
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}

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


def conjunction(conditions: list[Node]) -> str:
    """Several conditions, all of which must hold."""
    return all_of([_where(node, wanted=True) for node in conditions])[0]


def _text(node: Node) -> Text:
    match node:
        case Column():
            return _column(node), ATOM
        case Literal(parameter=str(parameter)):
            return parameter, ATOM
        case Literal():
            return literal(node.value, node.type), ATOM
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


def _operation(node: Op) -> Text:
    args = node.args
    match node.name, node.option:
        case "+" | "-", _:
            right = ADD if node.name == "+" else MULTIPLY
            return f"{held(_text(args[0]), ADD)} {node.name} {held(_text(args[1]), right)}", ADD
        case "*", _:
            texts = [held(_text(arg), MULTIPLY) for arg in args]
            return " * ".join(texts), MULTIPLY
        case "/", _:
            whole = KqlType.REAL in (args[0].type, args[1].type)
            left = args[0] if whole else cast(args[0], KqlType.REAL)
            return f"{held(_text(left), MULTIPLY)} / {held(_text(args[1]), ATOM)}", MULTIPLY
        case "negate", _:
            return f"-{held(_text(args[0]), ATOM)}", MULTIPLY
        case "if", _:
            return _choice(node), ATOM
        case "cast", _:
            return _cast(node), ATOM
        case "concat", str(delimiter):
            texts = [value(arg) for arg in args]
            if delimiter:
                return f"strcat_delim({string(delimiter)}, {', '.join(texts)})", ATOM
            return f"strcat({', '.join(texts)})", ATOM
        case "extract", (str(pattern), int(group)):
            return f"extract({string(pattern)}, {group}, {value(args[0])})", ATOM
        case "split", str(separator):
            return f"split({value(args[0])}, {string(separator)})", ATOM
        case "element", int(index):
            return f"tostring({value(args[0])}[{index}])", ATOM
        case "replace", (str(old), str(new)):
            return f"replace_string({value(args[0])}, {string(old)}, {string(new)})", ATOM
        case "slice", (int(start), length):
            end = "" if length is None else f", {length}"
            return f"substring({value(args[0])}, {start}{end})", ATOM
        case "trim" | "trim_start" | "trim_end", str(characters):
            pattern = "[" + re.sub(r"[\\\[\]^&~-]", r"\\\g<0>", characters) + "]+"
            return f"{node.name}({string(pattern)}, {value(args[0])})", ATOM
        case "json", tuple(steps):
            return f"tostring(parse_json({value(args[0])}){''.join(map(_step, steps))})", ATOM
        case "truncate" | "truncate weeks", timedelta() as every:
            return _truncated(value(args[0]), every, weeks=node.name == "truncate weeks"), ATOM
        case "minute" | "second", _:
            return f"datetime_part({string(node.name)}, {value(args[0])})", ATOM
        case "weekday", _:
            # Kusto's week begins on Sunday, with 0.
            return f"toint((tolong(dayofweek({value(args[0])}) / 1d) + 6) % 7 + 1)", ATOM
        case "total", timedelta() as unit:
            return f"tolong({held(_text(args[0]), MULTIPLY)} / {span(unit)})", ATOM
        case "coalesce", _:
            return f"coalesce({', '.join(value(arg) for arg in args)})", ATOM
        case other, _:
            return f"{_CALLS[other]}({', '.join(value(arg) for arg in args)})", ATOM


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


def _truncated(text: str, every: timedelta, *, weeks: bool) -> str:
    if every <= _DAY and _DAY % every == timedelta(0):
        return f"bin({text}, {span(every)})"
    # Polars counts weeks from a Monday, and other spans from 1970.
    start = "1970-01-05" if weeks else "1970-01-01"
    return f"bin_at({text}, {span(every)}, datetime({start}))"


# Conditions


def _boolean_value(node: Op) -> Text:
    true = _where(node, wanted=True, total=not node.nullable)
    if not node.nullable:
        return true
    false = _where(node, wanted=False)
    return f"case({true[0]}, true, {false[0]}, false, bool(null))", ATOM


def _where(node: Node, *, wanted: bool, total: bool = False) -> Text:
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
                return f"{'isnull' if is_null else 'isnotnull'}({value(node.args[0])})", ATOM
            case "if":
                chosen = [_where(arg, wanted=wanted, total=True)[0] for arg in node.args[1:]]
                return f"iff({condition(node.args[0])}, {', '.join(chosen)})", ATOM
            case "matches":
                subject = held(_text(node.args[0]), ADD)
                found = f"{subject} matches regex {string(str(node.option))}", COMPARE
                return found if wanted else _not(found)
            case other if other in _SEARCH:
                left, right = (held(_text(arg), ADD) for arg in node.args)
                return f"{left} {'' if wanted else '!'}{_SEARCH[other]} {right}", COMPARE
    if isinstance(node, Literal):
        return ("true" if node.value is wanted else "false"), ATOM
    text = _operation(node) if isinstance(node, Op) else _text(node)
    if node.nullable and (total or not wanted):
        return f"{held(text, ADD)} == {'true' if wanted else 'false'}", COMPARE
    return text if wanted else _not(text)


def _both(node: Op, *, wanted: bool, total: bool) -> Text:
    texts = [_where(part, wanted=wanted, total=total) for part in node.args]
    if (node.name == "and") is wanted:
        return all_of(texts)
    # `and` binds tighter; the brackets are for readers.
    return " or ".join(f"({text})" if binding == AND else text for text, binding in texts), OR


def _filled(node: Op, *, wanted: bool, total: bool) -> Text:
    first, *rest = node.args
    default = rest[0].value if len(rest) == 1 and isinstance(rest[0], Literal) else None
    if default is None:
        text = f"coalesce({', '.join(value(arg) for arg in node.args)})"
        return f"{text} == {'true' if wanted else 'false'}", COMPARE
    if default is not wanted:
        return _where(first, wanted=wanted, total=total)
    return _not(_where(first, wanted=not wanted, total=True))


def _not(text: Text) -> Text:
    return f"not({text[0]})", ATOM


def _in(node: Op, *, wanted: bool, total: bool) -> Text:
    subject, *options = node.args
    if not options:
        return _guarded(("false" if wanted else "true", ATOM), [subject], needed=not wanted)
    listed = ", ".join(value(option) for option in options)
    text = f"{held(_text(subject), ADD)} {'in' if wanted else '!in'} ({listed})"
    return _guarded((text, COMPARE), [subject], needed=total or not wanted)


def _comparison(node: Op, *, wanted: bool, total: bool) -> Text:
    left, right = node.args
    operator = node.name if wanted else _NEGATED[node.name]
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right, operator = right, left, _MIRRORED[operator]
    nullable = [arg for arg in (left, right) if arg.nullable]
    needed = total or operator == "!=" or (operator == "==" and len(nullable) == 2)
    if left.ticks or right.ticks:
        text = _instants(operator, left, right)
    else:
        text = f"{held(_text(left), ADD)} {operator} {held(_text(right), ADD)}", COMPARE
    if left.nan or right.nan:
        text = _with_nan(text, operator, left, right)
    if text[1] == OR and not needed:  # NaN is greater than any number, but not than null
        nullable = [arg for arg in nullable if not arg.nan]
        needed = left.nan or right.nan
    return _guarded(text, nullable, needed=needed)


def _with_nan(text: Text, operator: str, left: Node, right: Node) -> Text:
    """Count NaN as the greatest number, as Polars does, whatever the engine makes of it."""
    number = left if left.nan else right
    if right.nan:
        operator = _MIRRORED[operator]
    if operator in (">", ">=", "!="):
        return f"isnan({value(number)}) or {text[0]}", OR
    return f"not(isnan({value(number)})) and {text[0]}", AND


def _instants(operator: str, left: Node, right: Node) -> Text:
    """Compare times of which frames keep whole microseconds only."""
    if isinstance(right, Literal) and _has_next(right.value):
        subject, here = held(_text(left), ADD), value(right)
        after = _microsecond_after(right)
        match operator:
            case ">=" | "<":
                return f"{subject} {operator} {here}", COMPARE
            case "<=":
                return f"{subject} < {after}", COMPARE
            case ">":
                return f"{subject} >= {after}", COMPARE
            case "==":
                return f"{subject} >= {here} and {subject} < {after}", AND
            case _:
                return f"{subject} < {here} or {subject} >= {after}", OR
    texts = [held(_text(floored(node)), ADD) for node in (left, right)]
    return f"{texts[0]} {operator} {texts[1]}", COMPARE


def _has_next(moment: object) -> bool:
    return isinstance(moment, datetime) and moment.replace(tzinfo=None) < datetime.max  # noqa: DTZ901 # compared without zone


def _microsecond_after(moment: Literal) -> str:
    if moment.parameter is not None:
        return f"{moment.parameter} + {span(MICROSECOND)}"
    assert isinstance(moment.value, datetime)  # noqa: S101 # the caller looked
    return value(evolve(moment, value=moment.value + MICROSECOND))


def _guarded(text: Text, nullable: list[Node], *, needed: bool) -> Text:
    guards = list(dict.fromkeys(f"isnotnull({value(n)})" for n in nullable if n.nullable))
    if not needed or not guards:
        return text
    if text[0] == "true":
        return all_of([(guard, ATOM) for guard in guards])
    return all_of([*((guard, ATOM) for guard in guards), text])


# Aggregations


def _aggregate(node: Aggregate) -> Text:
    inner = node.value
    if inner is None:
        return summary(node, Rows())
    where = None if node.where is None else _where(node.where, wanted=True)
    flags = inner.type is KqlType.BOOL
    found = _where(inner, wanted=node.name != "all") if flags else None
    return summary(node, Rows(value(inner), where, found))

"""Long lines of KQL, broken where a person would break them."""

import re
from collections.abc import Iterable, Iterator, Sequence

_WIDTH = 120
_INDENT = 4
_LITERAL = re.compile(r"\b(?:datetime|int|long|real|bool)$")
_OPENING, _CLOSING = "([{", ")]}"


def fits(text: str) -> bool:
    """Whether a text is short enough for a line."""
    return len(text) <= _WIDTH


def operator(head: str, items: Sequence[str]) -> list[str]:
    """An operator and its list, such as `| project a, b`.

    Too long for a line, names are wrapped; where most are computed, each gets a line.
    """
    whole = f"{head} {', '.join(items)}"
    if fits(whole):
        return [whole]
    if 2 * sum(" = " in item for item in items) < len(items):
        return _wrapped(head, items)
    return [head, *listed(items, _INDENT)]


def grouped(head: str, items: Sequence[str], groups: Sequence[str]) -> list[str]:
    """An operator, its list, and what it groups by."""
    whole = f"{head} {', '.join(items)}".rstrip()
    by = f"by {', '.join(groups)}" if groups else ""
    if len(items) <= 1 and fits(f"{whole} {by}"):
        return [f"{whole} {by}".rstrip()]
    single = len(items) <= 1 and fits(whole)
    lines = [whole] if single else [head, *listed(items, _INDENT)]
    if not groups:
        return lines
    if fits(by):
        return [*lines, *indented([by])]
    first, *others = listed(groups, _INDENT + len("by "))
    return [*lines, f"{' ' * _INDENT}by {first.lstrip()}", *others]


def condition(head: str, text: str) -> list[str]:
    """An operator and its condition, such as `| where a and b`."""
    return _broken(f"{head} {text}", 0, hanging=_INDENT)


def listed(items: Sequence[str], indent: int) -> list[str]:
    """Items with a comma between, a line each, or more for long ones."""
    lines: list[str] = []
    for number, item in enumerate(items):
        lines += _broken(item + ("," if number < len(items) - 1 else ""), indent)
    return lines


def indented(lines: Iterable[str]) -> list[str]:
    """The lines, one step to the right."""
    return [" " * _INDENT + line for line in lines]


def _wrapped(head: str, items: Sequence[str]) -> list[str]:
    lines = [head]
    for number, item in enumerate(items):
        word = item + ("," if number < len(items) - 1 else "")
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append(" " * (_INDENT - 1))
        lines[-1] += " " + word
    return lines


def _broken(text: str, indent: int, hanging: int = 0) -> list[str]:
    pad = " " * indent
    if indent + len(text) <= _WIDTH:
        return [pad + text]
    for word in ("or", "and"):
        first, *others = split(text, f" {word} ")
        if others:
            begun, *inside = _broken(first, indent)
            lines = [begun, *(" " * hanging + line for line in inside)]
            for other in others:
                lines += _broken(f"{word} {other}", indent + hanging)
            return lines
    start, end = _longest_brackets(text)
    inner = text[start + 1 : end]
    if not _has_seam(inner):
        return [pad + text]
    items = listed(split(inner, ", "), indent + _INDENT)
    return [pad + text[: start + 1], *items, pad + text[end:]]


def _has_seam(text: str) -> bool:
    """Whether there is a place to break a text at, maybe further in."""
    if any(len(split(text, seam)) > 1 for seam in (", ", " and ", " or ")):
        return True
    start, end = _longest_brackets(text)
    return start < end and _has_seam(text[start + 1 : end])


def split(text: str, separator: str) -> list[str]:
    """Split a text at a separator where it stands outside of brackets and quotes."""
    parts, begin = [], 0
    for place, depth in outside_quotes(text):
        if depth == 0 and place >= begin and text.startswith(separator, place):
            parts.append(text[begin:place])
            begin = place + len(separator)
    return [*parts, text[begin:]]


def _longest_brackets(text: str) -> tuple[int, int]:
    """Where the longest outermost pair of brackets opens and closes; (0, 0) without any.

    Those of typed literals do not count.
    """
    best, opened, before = (0, 0), 0, 0
    for place, depth in outside_quotes(text):
        if depth > 0 and before == 0:
            opened = place
        longer = depth == 0 and before > 0 and place - opened > best[1] - best[0]
        if longer and not _LITERAL.search(text, 0, opened):
            best = opened, place
        before = depth
    return best


def outside_quotes(text: str) -> Iterator[tuple[int, int]]:
    """The places outside of string literals, and how many brackets are open behind each."""
    depth, quote, escaped = 0, "", False
    for place, character in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
            continue
        if character in "\"'":
            quote = character
        depth += (character in _OPENING) - (character in _CLOSING)
        yield place, depth

"""What each part of a line of KQL is, for people who read it in colours."""

import re
from collections.abc import Iterator

_PART = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<literal>\b\d+(?:\.\d+)?[a-z]*\b)
    |(?P<keyword>\b(?:mv-expand|project-away|project-rename
        |and|as|asc|between|by|contains|contains_cs|declare|desc|distinct|endswith|endswith_cs
        |extend|false|first|has|has_any|has_cs|in|inner|join|kind|last|leftanti|leftouter|leftsemi
        |let|matches|materialize|not|nulls|of|on|or|order|project|query_parameters|regex|sort
        |startswith|startswith_cs|summarize|take|to|top|true|typeof|union|where|with)\b)
    |(?P<function>\b[A-Za-z_]\w*(?=\())
    |(?P<name>\b[A-Za-z_]\w*)""",
    re.VERBOSE,
)


def coloured(line: str) -> Iterator[tuple[str, str]]:
    """Cut a line into its parts.

    Yields:
        A part, and what it is: ``keyword``, ``function``, ``string``, ``literal``, or "".
    """
    plain = 0
    for found in _PART.finditer(line):
        kind = found.lastgroup
        if kind and kind != "name":
            yield line[plain : found.start()], ""
            yield found[0], kind
            plain = found.end()
    yield line[plain:], ""

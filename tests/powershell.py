"""A reader of PowerShell, as far as commands of the runbook go: what is quoted, and what is not."""

import re
from collections.abc import Iterator
from enum import Enum, auto

SINGLE = "'\u2018\u2019\u201a\u201b"
DOUBLE = '"\u201c\u201d\u201e'


class Part(Enum):
    CODE = auto()
    TEXT = auto()
    EXPANDED = auto()


def parts(command: str) -> Iterator[tuple[Part, str]]:
    """Code, single-quoted and double-quoted strings in their order, without comments.

    As PowerShell reads them: typographic quotes are quotes, a doubled quote stands for itself, and
    a backtick hides the next character but in single quotes.
    """
    at, code = 0, ""
    while at < len(command):
        character = command[at]
        if character in SINGLE or character in DOUBLE:
            yield Part.CODE, code
            code = ""
            text, at = _string(command, at)
            yield (Part.TEXT if character in SINGLE else Part.EXPANDED), text
        elif character == "#" and (not code or code[-1].isspace()):
            break
        else:
            assert character != "`", f"an escape outside quotes: {command!r}"
            code += character
            at += 1
    yield Part.CODE, code


def _string(command: str, at: int) -> tuple[str, int]:
    quotes = SINGLE if command[at] in SINGLE else DOUBLE
    text, at = "", at + 1
    while at < len(command):
        if command[at] in quotes:
            if command[at + 1 : at + 2] and command[at + 1] in quotes:
                at += 1
            else:
                return text, at + 1
        elif command[at] == "`" and quotes == DOUBLE:
            at += 1
        text += command[at]
        at += 1
    raise AssertionError(f"a string that does not end: {command!r}")


_CODE_POINT = r"\[char\](?:0x[0-9A-F]+|::ConvertFromUtf32\(0x[0-9A-F]+\))"


def skeleton(command: str) -> str:
    """A command with every text in it made empty, and lists of texts cut to one."""
    made = "".join(
        {Part.CODE: text, Part.TEXT: "''", Part.EXPANDED: f'"{text}"'}[part]
        for part, text in parts(command)
    )
    made = re.sub(rf"(?<!@)\((?:''|{_CODE_POINT})(?: \+ (?:''|{_CODE_POINT}))*\)", "''", made)
    return re.sub(r"@\(''(?:, '')*\)", "@('')", made).strip()

"""Reading one audit record of the unified audit log, in the shapes that real exports have.

Only `AuditRecord` and the value readers (`truth`, `many`, `host`) know these shapes.
Source: `Office 365 Management Activity API schema
<https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema>`_.
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Self

from attrs import field, frozen

_QUOTED = r"""(?:"(?:[^"`]|`.|"")*"|'(?:[^']|'')*')"""
_POWERSHELL_ARGUMENT = re.compile(
    rf"""-(?P<name>[A-Za-z]\w*)
    (?:[\ :]+(?P<value> \((?:[^"')]|{_QUOTED})*\) | {_QUOTED} | [^\s"'(-]\S* | -\d\S* ))?""",
    re.DOTALL | re.VERBOSE,
)
_POWERSHELL_VALUE = re.compile(rf"""{_QUOTED}|[^,\s]+""", re.DOTALL)
_POWERSHELL_OBJECT = re.compile(r"^\s*@\{(?P<body>.*)\}\s*$", re.DOTALL)
_POWERSHELL_ITEM = re.compile(
    r"(?:^|; )(?P<name>Name|Value)=(?P<value>.*?)(?=; (?:Name|Value)=|$)",
    re.DOTALL | re.IGNORECASE,
)
_HOSTED = "/Microsoft Exchange Hosted Organizations/"
_SUCCEEDED = {"true", "success", "succeeded", "successful", "partiallysucceeded"}
_FAILED = {"false", "failed", "failure", "error"}


@frozen
class AuditRecord:
    """What exconn reads of an audit record.

    Attributes:
        operation: the cmdlet or activity.
        parameters: every parameter passed, by name; each value as text.
        user_id: a UPN, a service's name, or an application's GUID.
        user_type: 0 regular, 2 admin, 3 datacenter admin, 4 system, 5 application, 6 service
            principal; None when absent.
        app_id: the application, "" when absent.
        object_id: what was operated on, "" when absent.
        address: the client's address without port, "" when absent.
        succeeded: None when the record does not say.
        id: the record's own identifier, "" when absent.
    """

    operation: str = ""
    parameters: Mapping[str, str] = field(factory=dict)
    user_id: str = ""
    user_type: int | None = None
    app_id: str = ""
    object_id: str = ""
    address: str = ""
    succeeded: bool | None = None
    id: str = ""

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Read a record from a mapping or from its JSON text; what is unreadable stays empty."""
        record = _folded(_decoded(raw))
        return cls(
            operation=_text(record.get("operation")),
            parameters=parameters(record.get("parameters")),
            user_id=_text(record.get("userid")),
            user_type=_user_type(record.get("usertype")),
            app_id=_text(record.get("appid")) or _text(record.get("clientappid")),
            object_id=_text(record.get("objectid")) or _text(record.get("officeobjectid")),
            address=host(_text(record.get("clientip")) or _text(record.get("clientipaddress"))),
            succeeded=success(_text(record.get("resultstatus"))),
            id=_text(record.get("id")),
        )


def parameters(raw: object) -> dict[str, str]:
    """Read cmdlet parameters from any shape that exports give them.

    A list of ``{"Name", "Value"}``, the same as JSON text, a PowerShell argument string, a flat
    mapping, or ``@{Name=...; Value=...}`` texts. Values become text: lists joined with ``;``.
    """
    decoded = _decoded(raw)
    if isinstance(decoded, str):
        return dict(_pairs_of_text(_text(decoded)))
    if isinstance(decoded, Mapping):
        folded = _folded(decoded)
        if set(folded) == {"name", "value"}:
            return {_text(folded["name"]): _text(folded["value"])}
        return {_text(name): _text(value) for name, value in decoded.items()}
    if isinstance(decoded, list):
        found: dict[str, str] = {}
        for element in decoded:
            switch = isinstance(element, Mapping) and set(_folded(element)) == {"name"}
            found |= parameters({"Value": "", **element} if switch else element)
        return found
    return {}


def truth(value: str | bool | None) -> bool | None:  # noqa: FBT001
    """Read ``True``, ``$true``, ``1`` and their opposites; None for anything else."""
    if isinstance(value, bool) or value is None:
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(
        value.strip().lower().removeprefix("$")
    )


def many(value: str) -> tuple[str, ...]:
    """Read a list of values joined with ``;`` or ``,``; ``smtp:*;1`` is the one value ``*``.

    Names of hosts and domains, addresses and networks may be joined with blanks.
    """
    joined = [part.strip().strip("{}\"'") for part in re.split(r"[;,]", value)]
    parts = [piece for part in joined for piece in _apart(part)]
    plain = [re.sub(r"^smtp:", "", part, flags=re.IGNORECASE) for part in parts]
    return tuple(part for part in plain if part and not part.isdecimal())


def _apart(text: str) -> list[str]:
    """The values in a text that blanks part, where each looks like what has none."""
    pieces = text.split()
    return pieces if all(map(_HAS_NO_BLANK.fullmatch, pieces)) else [text]


_HAS_NO_BLANK = re.compile(r"(?:smtp:)?(?:\*|[^\s@]*@?[\w*-]*(?:[.:]+[\w/-]+)+)|\d+", re.IGNORECASE)
"""A domain, a host, an address, a network, or the priority behind one."""


def host(address: str) -> str:
    """Strip the port and brackets from an address, and undo IPv4 mapped into IPv6."""
    text = address.strip()
    bracketed = re.match(r"^\[([^\]]*)\](?::\d+)?$", text)
    if bracketed:
        text = bracketed.group(1)
    elif re.match(r"^[^:]+:\d+$", text):
        text = text.rsplit(":", 1)[0]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text.lower()
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def success(status: str) -> bool | None:
    """Read a ResultStatus; None when it says nothing."""
    folded = status.strip().lower()
    return True if folded in _SUCCEEDED else False if folded in _FAILED else None


def object_name(identity: str) -> str:
    r"""The name at the end of an Exchange identity such as ``tenant\name``."""
    if _HOSTED in identity:
        return identity.rsplit("/", 1)[-1]
    return identity.rsplit("\\", 1)[-1].strip()


def _decoded(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    text = raw.strip()
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _folded(record: object) -> dict[str, object]:
    if not isinstance(record, Mapping):
        return {}
    return {str(name).lower().rstrip("_"): value for name, value in record.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return ";".join(_text(element) for element in value)
    if isinstance(value, Mapping):
        return _whole(json.dumps(value, ensure_ascii=False))
    return str(value)


def _whole(text: str) -> str:
    """JSON may spell half a character; nothing takes such a text, so it is replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _user_type(value: object) -> int | None:
    names = {"regular": 0, "reserved": 1, "admin": 2, "dcadmin": 3, "system": 4}
    names |= {"application": 5, "serviceprincipal": 6}
    text = _text(value).strip().lower()
    return int(text) if text.isdecimal() and len(text) < 4 else names.get(text)


def _pairs_of_text(text: str) -> Iterator[tuple[str, str]]:
    as_object = _POWERSHELL_OBJECT.match(text)
    if as_object:
        items = _POWERSHELL_ITEM.finditer(as_object["body"].strip())
        tidy = {item["name"].lower(): item["value"].strip() for item in items}
        if "name" in tidy:
            yield tidy["name"], tidy.get("value", "")
        return
    for argument in _POWERSHELL_ARGUMENT.finditer(text):
        value = argument["value"] or ""
        if value.startswith("("):
            parts = _POWERSHELL_VALUE.findall(value[1:-1])
            yield argument["name"], ";".join(map(_unquoted, parts))
        else:
            yield argument["name"], _unquoted(value)


def _unquoted(value: str) -> str:
    if value[:1] == '"':
        return re.sub(r'`(.)|"(")', r"\1\2", value[1:-1], flags=re.DOTALL)
    return value[1:-1].replace("''", "'") if value[:1] == "'" else value

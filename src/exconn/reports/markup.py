"""The one way in which text reaches HTML and SVG: every element is made here, and escaped."""

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from exconn.unseen import visible

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
_BLOCKS = {"section", "table", "tr", "li", "p", "h1", "h2", "h3", "h4", "dt", "details", "figure"}
_VOID = {"meta", "br"}
_FORBIDDEN = {"script", "iframe", "object", "embed", "base", "form", "link", "img"}


class Html(str):
    """Text that is HTML already. Only this module makes it."""

    __slots__ = ()


Content: TypeAlias = "str | Iterable[Content] | None"
"""What an element may hold: text, which is escaped, elements, and any nesting of these."""


def element(name: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """An element.

    Args:
        name: its name.
        content: what it holds.
        attributes: by name; ``class_`` is ``class``, other underscores are hyphens. None is left
            out, and "" stands alone.

    Raises:
        ValueError: the element or an attribute could execute, load or style something, or a link
            leads elsewhere than to a part of the page or to https.
    """
    if not _NAME.fullmatch(name) or name.lower() in _FORBIDDEN:
        raise ValueError(f"no element {name!r} is made")
    told = "".join(
        _attribute(key.removesuffix("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{told}>")
    end = "\n" if name in _BLOCKS else ""
    return Html(f"<{name}{told}>{join(*content)}</{name}>{end}")


def join(*content: Content) -> Html:
    """Contents in a row; text among them is escaped."""
    return Html("".join(map(_written, content)))


def lines(contents: Iterable[Content]) -> Html:
    """Contents on lines of their own, for preformatted elements."""
    return Html("\n".join(map(_written, contents)))


def stylesheet(css: str) -> Html:
    """A style element; the text is exconn's own.

    Raises:
        ValueError: it would end the element.
    """
    if "<" in css:
        raise ValueError("a style sheet has no markup in it")
    return Html(f"<style>{css}</style>")


BEGINNING = '<!doctype html>\n<html lang="en">\n<head><meta name="generator" content="exconn">'
"""What every page of exconn begins with, and no other."""


def document(head: Html, body: Html) -> str:
    """A page in English."""
    return f"{BEGINNING}{head}</head>\n<body>{body}</body>\n</html>\n"


def link(url: str, content: Content = None) -> Html:
    """A link to https; another address is shown as text."""
    if not url.startswith("https://"):
        return join(url if content is None else content)
    return element("a", url if content is None else content, href=url, rel="noreferrer")


def _written(content: Content) -> str:
    if isinstance(content, Html):
        return str(content)
    if isinstance(content, str):
        return _text(content)
    return "" if content is None else "".join(map(_written, content))


def _text(text: str) -> str:
    return escape(visible(text))


def _attribute(name: str, value: str | float) -> str:
    text = value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
    lowered = name.lower()
    if not _NAME.fullmatch(name) or lowered.startswith("on") or lowered in {"style", "src"}:
        raise ValueError(f"no attribute {name!r} is written")
    if lowered in {"href", "xlink-href"} and not text.startswith(("#", "https://")):
        raise ValueError(f"no link to {text!r} is written")
    return f" {name}" if text == "" else f' {name}="{_text(text)}"'

"""Reading a report as a browser does, and what must hold of every one."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from attrs import define, field

_VOID = {"meta", "br"}
_ELEMENTS = """
    html head meta title style body a header nav main footer section h1 h2 h3 h4 p ul ol li dl dt dd
    div span b i strong code pre time table caption thead tbody tr th td details summary figure
    figcaption svg path rect circle text
"""
_ATTRIBUTES = """
    lang charset http-equiv content name class href id rel datetime scope tabindex role aria-label
    aria-labelledby aria-hidden viewbox x y cx cy r width height d text-anchor
"""


@define
class Audit(HTMLParser):
    """The elements, texts and attributes of a page; and which elements hold each text."""

    open: list[str] = field(factory=list, init=False)
    elements: set[str] = field(factory=set, init=False)
    attributes: list[tuple[str, str, str]] = field(factory=list, init=False)
    texts: list[str] = field(factory=list, init=False)
    holders: dict[str, set[str]] = field(factory=dict, init=False)
    commands: list[str] = field(factory=list, init=False)
    style: str = field(default="", init=False)

    def __attrs_pre_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)
        if self.open[-2:] == ["pre", "code"]:
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        elif self.open[-2:] == ["pre", "code"]:
            self.commands[-1] += data
        self.texts.append(data)
        self.holders.setdefault(data.strip(), set()).update(self.open[-1:])

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def values(self, name: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [value for _, found, value in self.attributes if found == name]


def audited(page: str) -> Audit:
    """The page read; it is made of nothing but harmless, closed, known parts."""
    audit = Audit()
    audit.feed(page)
    audit.close()
    assert audit.open == []
    assert audit.elements <= set(_ELEMENTS.split())
    assert {name for _, name, _ in audit.attributes} <= set(_ATTRIBUTES.split())
    assert all(url.startswith(("#", "https://")) for url in audit.values("href"))
    assert re.findall(r"url\(|@import|expression", audit.style) == []
    digest = base64.b64encode(hashlib.sha256(audit.style.encode()).digest()).decode()
    [policy] = [value for value in audit.values("content") if "default-src" in value]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    identifiers = audit.values("id")
    assert len(set(identifiers)) == len(identifiers)
    links = {url[1:] for url in audit.values("href") if url.startswith("#")}
    assert links <= set(identifiers), links - set(identifiers)
    assert set(audit.values("aria-labelledby")) <= set(identifiers)
    return audit

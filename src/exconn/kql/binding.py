"""Texts of KQL, with how tightly they bind."""

from collections.abc import Sequence

OR, AND, COMPARE, ADD, MULTIPLY, ATOM = range(6)
"""How tightly the operators bind, loosest first."""

Text = tuple[str, int]


def held(text: Text, binding: int) -> str:
    """A text in brackets where it binds less tightly than what holds it."""
    return text[0] if text[1] >= binding else f"({text[0]})"


def all_of(texts: Sequence[Text]) -> Text:
    """Conditions, all of which must hold."""
    if len(texts) == 1:
        return texts[0]
    return " and ".join(held(text, AND) for text in texts), AND

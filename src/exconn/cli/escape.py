"""The one way in which text reaches the terminal."""

from exconn.unseen import UNSEEN


def visible(text: str) -> str:
    r"""Write characters that cannot be seen, or that a terminal would act on, as ``\u....``."""
    return UNSEEN.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(number: int) -> str:
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"

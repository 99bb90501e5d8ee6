"""What cannot be seen is written out, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn.unseen import UNSEEN, visible
from sight import unseen

ALL = "".join(map(chr, range(0x110000)))
HIEROGLYPHS = {chr(number) for number in range(0x13430, 0x13443)}
"""Of these some are younger than the tables of the oldest Python."""


def test_what_nobody_can_see_is_written_out_and_no_other_character() -> None:
    found = set(UNSEEN.findall(ALL))
    assert unseen(ALL) - found == set()
    assert found - unseen(ALL) <= HIEROGLYPHS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2J", "a\\u001b[2J"),
        ("Rechnung\u00a0\u202e\u200b", "Rechnung\\u00a0\\u202e\\u200b"),
        ("\u2800\u3164\ufeff", "\\u2800\\u3164\\ufeff"),
        ("\U0001d173\U0001bca0\U000e0041\ue000", "\\U0001d173\\U0001bca0\\U000e0041\\ue000"),
        ("\U0001f469\u200d\U0001f680 \u2764\ufe0f", "\U0001f469\\u200d\U0001f680 \u2764\\ufe0f"),
        ("\ud800", "\\ud800"),
        ("Zoë 日本 مرحبا \U0001f600 a b", "Zoë 日本 مرحبا \U0001f600 a b"),
    ],
)
def test_what_is_shown_can_be_told_apart(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text() | st.text(st.sampled_from(sorted(unseen(ALL)))))
def test_visible_text_has_nothing_unseen_and_leaves_the_rest(text: str) -> None:
    shown = visible(text)
    assert unseen(shown) == set()
    assert visible(shown) == shown
    if not unseen(text):
        assert shown == text

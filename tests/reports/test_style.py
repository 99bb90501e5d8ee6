"""The style sheet: enough contrast in light, dark and print, and only classes that are used."""

import re
from functools import cache

import pytest

from cases import attacked, case, hunted
from exconn import reports
from exconn.reports.page import css

TEXT = ("ink", "soft", "bad", "good", "open", "logon")
SHAPES = ("bad-fill", "good-fill", "mail", "usual-line", "logon", "ink", "open")


def palettes() -> dict[str, dict[str, str]]:
    """The colours of each scheme, by name."""
    found = re.findall(r"(@media [^{]*\{\s*)?:root \{([^}]*)\}", css())
    named = [dict(re.findall(r"--([\w-]+): (#\w{6})", body)) for _, body in found]
    light, dark, printed = named
    return {"light": light, "dark": light | dark, "print": light | printed}


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_texts_and_shapes_stand_out_from_the_paper(scheme: str) -> None:
    colours = palettes()[scheme]
    for name in TEXT:
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in SHAPES:
        assert contrast(colours[name], colours["paper"]) >= 3, name
    assert contrast(colours["code"], colours["panel"]) >= 7
    assert contrast(colours["soft"], colours["window"]) >= 4.5


def test_the_colours_of_notebooks_stand_out_on_light_paper_and_nearly_so_on_dark() -> None:
    """No colour reaches 4.5 on both white and the dark paper of Jupyter."""
    fragment = attacked()._repr_html_()
    colours = set(re.findall(r"color:(#\w{6})", fragment))
    assert len(colours) >= 5
    for colour in colours:
        assert contrast(colour, "#ffffff") >= 4.5, colour
        assert contrast(colour, "#111111") >= 4, colour


@cache
def pages() -> str:
    made = [attacked().to_html(), case("truncated-mail-log").to_html()]
    return "".join([*made, reports.overview(hunted()), reports.overview([])])


def test_every_class_of_the_style_sheet_is_used() -> None:
    styled = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"\{[^{}]*\}", "", css())))
    used = {name for found in re.findall(r'class="([^"]*)"', pages()) for name in found.split()}
    assert styled <= used, styled - used

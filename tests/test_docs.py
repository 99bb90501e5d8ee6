"""What the documentation's own tools do not check."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(\s*([^)\s#]+)(?:#[^)\s]*)?\s*\)")
NAMED = re.compile(r"`(examples/\w+(?:\.py)?|tests/[\w/]+\.py|src/[\w/.]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_links_or_names_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for name in NAMED.findall(text):
        assert (ROOT / name).exists(), name


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f": {page.relative_to(ROOT / 'docs').as_posix()}\n" in navigation

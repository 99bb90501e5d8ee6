"""The reports in a real browser: nothing executes, axe finds no fault, all of it is printed."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cases import HOSTILE, attacked, case, hunted, poisoned
from exconn import reports

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What the judges must object to; otherwise they judge nothing.
BROKEN = """<!doctype html><html><head><title>Broken</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"></head>
<body><p style="color: #999999; background: #aaaaaa">pale</p><table><tr><th></th></tr></table>
<script>window.pwned = 1; document.title = "Other"; alert("said")</script>
<img src="x" onerror="alert('loaded')"><div style="width: 3000px">wide</div>
<details id="part"><summary>Closed</summary><p>hidden</p></details>
<a href="#part">Part</a></body></html>"""


def pages() -> Mapping[str, str]:
    """The reports that are looked at."""
    return {
        "malicious": attacked().to_html(),
        "benign": case("weekly-billing-run").to_html(),
        "unknown": case("truncated-mail-log").to_html(),
        "hunt": reports.overview(hunted()),
        "hostile": poisoned(attacked(), *HOSTILE).to_html(),
        "hostile-hunt": reports.overview([poisoned(found, *HOSTILE) for found in hunted()]),
        "broken": BROKEN,
    }


Look = tuple[str, int, str, bool]
WIDE, NARROW = 1280, 390
LOOKS: Mapping[Look, bool] = {
    ("malicious", WIDE, "light", True): True,
    ("malicious", NARROW, "dark", True): True,
    ("benign", WIDE, "dark", True): True,
    ("unknown", NARROW, "light", True): True,
    ("hunt", WIDE, "light", True): True,
    ("hunt", NARROW, "dark", True): True,
    ("hostile", NARROW, "light", True): True,
    ("hostile", WIDE, "light", False): False,
    ("hostile-hunt", WIDE, "light", True): False,
    ("hostile-hunt", NARROW, "light", False): False,
    ("broken", WIDE, "light", True): False,
    ("broken", WIDE, "light", False): True,
}
"""Page, width, scheme, whether its policy is enforced; and whether axe judges it."""


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Look, Any]:
    """What the browser saw."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the browser is driven by Node.js, and `node` is not on the path")
    if not (HERE / "node_modules" / "axe-core").is_dir():
        pytest.skip("axe and the browser's driver are not installed: run  npm ci  in tests/browser")
    folder = tmp_path_factory.mktemp("pages")
    for name, page in pages().items():
        (folder / f"{name}.html").write_text(page, "utf-8")
    asked = {
        "browser": next(filter(None, map(shutil.which, BROWSERS)), None),
        "pages": [
            {
                "file": str(folder / f"{name}.html"),
                "width": width,
                "scheme": scheme,
                "policy": policy,
                "axe": axe,
            }
            for (name, width, scheme, policy), axe in LOOKS.items()
        ],
    }
    done = subprocess.run(
        [node, str(HERE / "look.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(LOOKS, json.loads(done.stdout), strict=True))


def reported(looked: Mapping[Look, Any]) -> list[tuple[object, Any]]:
    return [(key, found) for key, found in looked.items() if key[0] != "broken"]


def test_nothing_executes_with_the_policy_and_without_it(
    looked: Mapping[Look, Any],
) -> None:
    for key, found in reported(looked):
        for kind in ("dialogs", "console", "errors"):
            assert found[kind] == [], (key, kind)
        assert found["scripts"] == found["handlers"] == 0, key
        assert not found["pwned"], key
        assert found["same"], key
        assert [url.partition(":")[0] for url in found["requests"]] == ["file"], key


def test_axe_finds_no_fault(looked: Mapping[Look, Any]) -> None:
    for key, found in reported(looked):
        assert found["violations"] == [], key


def test_the_page_is_as_wide_as_the_screen_and_has_its_style(
    looked: Mapping[Look, Any],
) -> None:
    for key, found in reported(looked):
        assert not found["overflows"], key
        assert found["styled"] == "1144px", key


def test_parts_that_are_closed_are_printed(
    looked: Mapping[Look, Any],
) -> None:
    for key, found in reported(looked):
        assert found["printed"], key


def test_links_to_parts_that_are_closed_open_them(
    looked: Mapping[Look, Any],
) -> None:
    for key, found in reported(looked):
        assert found["hidden"] == [], key


def test_commands_reach_the_screen_as_they_are(
    looked: Mapping[Look, Any],
) -> None:
    shown = looked["malicious", WIDE, "light", True]["commands"]
    assert {action.command for action in attacked().actions} <= set(shown)


def test_the_judges_object_to_a_page_that_is_broken(
    looked: Mapping[Look, Any],
) -> None:
    kept = looked["broken", WIDE, "light", True]
    assert kept["dialogs"] == []
    assert any("Content Security Policy" in told for told in kept["console"])
    found = looked["broken", WIDE, "light", False]
    assert set(found["dialogs"]) == {"said", "loaded"}
    assert found["pwned"]
    assert found["scripts"] == found["handlers"] == 1
    assert found["overflows"]
    assert not found["printed"]
    assert found["hidden"] == ["#part"]
    objections = " ".join(found["violations"])
    for rule in ("color-contrast", "html-has-lang", "image-alt", "empty-table-header"):
        assert rule in objections

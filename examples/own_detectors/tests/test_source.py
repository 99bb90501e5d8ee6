"""The source keeps the promises of sources."""

from pathlib import Path

from exconn.simulate import demo_tenant
from exconn.testing import check_source
from own_detectors import NdjsonSource


def test_the_source_keeps_its_promises(tmp_path: Path) -> None:
    held = demo_tenant(mails=2_000).frames
    for name, frame in held.items():
        frame.write_ndjson(tmp_path / f"{name}.ndjson")
    check_source(NdjsonSource(tmp_path), held)
    check_source(NdjsonSource(tmp_path / "nowhere"), {})

"""Ctrl-C amid a hunt: it ends, leaves nothing half-written, and the next hunt goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import served

from exconn import MemorySource, ResultCache, hunt
from exconn.simulate import demo_tenant
from exconn.testing.faults import Throttled

FRAMES = demo_tenant(mails=2_000).frames
HUNT = """
import signal, sys
from datetime import datetime, timedelta
from exconn import HuntingSource, ResultCache, hunt
from exconn.sources import Clock, Patience

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
url, folder, now = sys.argv[1:]
hunt(
    HuntingSource(
        lambda: input(),
        base_url=url,
        cache=ResultCache(folder=folder, tenant="t"),
        patience=Patience(wait=timedelta(days=1)),
        clock=Clock(now=lambda: datetime.fromisoformat(now)),
    )
)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(tmp_path: Path) -> None:
    cache = ResultCache(folder=tmp_path / "results", tenant="t")
    with served("defender", FRAMES) as place:
        # After the first results the service wants to be left alone for an hour.
        place.tenant.fail(*[None] * 12, *[Throttled("3600")] * 30, text="summarize")
        asked = [place.tenant.graph_url, str(cache.folder), place.tenant.now.isoformat()]
        with subprocess.Popen(
            [sys.executable, "-c", HUNT, *asked],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            process.stdin.write(f"{place.tenant.token()}\n" * 200)
            process.stdin.flush()
            while not any(call.status == 429 for call in place.tenant.calls):
                assert process.poll() is None, process.stderr
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode in (130, 1, -signal.SIGINT)
        assert "KeyboardInterrupt" in said
        kept = set(cache.folder.iterdir())
        assert kept
        # What was being written may be left as a part, which nobody reads.
        assert {".parquet"} <= {file.suffix for file in kept} <= {".parquet", ".part"}
        place.tenant.recover()
        before = len(place.tenant.calls)
        found = hunt(place.source(cache=cache))
        assert len(place.tenant.calls) > before
    assert [g.margin for g in found] == [g.margin for g in hunt(MemorySource(FRAMES))]

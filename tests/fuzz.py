"""Hostile input of every kind, for a while.

``python tests/fuzz.py [SECONDS] [TARGET] [SEED] [CASE]``: each target (all, without one) gets so
many seconds. A case depends on its target, its seed and its number alone; one that fails says how
to run it again, by itself.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from fuzz_arguments import arguments
from fuzz_expressions import expressions, queries
from fuzz_ingest import imports
from fuzz_replies import replies

Case = Callable[[random.Random], None]

SECONDS, SEED = 60.0, 1
MOST = 100_000  # cases, whatever the time

TARGETS: dict[str, Callable[[], AbstractContextManager[Case]]] = {
    "imports": imports,
    "replies": replies,
    "arguments": arguments,
    "expressions": expressions,
    "queries": queries,
}


def fuzz(target: str, seconds: float, seed: int, only: int | None = None) -> int:
    """Run the cases of a target; how many there were."""
    until = time.monotonic() + seconds
    with TARGETS[target]() as case:
        for number in range(MOST) if only is None else (only,):
            if only is None and time.monotonic() > until:
                return number
            try:
                case(random.Random(f"{target} {seed} {number}"))
            except (KeyboardInterrupt, pytest.skip.Exception):
                raise
            except BaseException as error:  # what Rust panics with is no Exception
                again = f"python tests/fuzz.py 0 {target} {seed} {number}"
                raise AssertionError(f"run it again:  {again}") from error
    return MOST if only is None else 1


def main(
    seconds: str = str(SECONDS), target: str = "all", seed: str = str(SEED), only: str = ""
) -> None:
    """Run one target, or all."""
    if target not in ("all", *TARGETS):
        sys.exit(f"no target {target!r}; there are {', '.join(TARGETS)}, and all")
    for name in TARGETS if target == "all" else [target]:
        try:
            cases = fuzz(name, float(seconds), int(seed), int(only) if only else None)
        except pytest.skip.Exception as why:
            sys.stdout.write(f"{name}: NOT RUN. {why}\n")
            if "EXCONN_NO_SKIPS" in os.environ:
                raise
            continue
        sys.stdout.write(f"{name}: {cases:,} cases of seed {seed}, nothing found\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

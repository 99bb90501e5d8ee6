"""The fuzzers run, and a case is the same each time."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from exconn.testing._http import Reply
from fuzz import TARGETS, fuzz
from fuzz_arguments import drawn
from fuzz_replies import spoilt


@pytest.mark.parametrize("target", TARGETS)
def test_targets_find_nothing(target: str) -> None:
    assert fuzz(target, 0, seed=1, only=0) == 1


def test_a_case_depends_on_its_seed_alone() -> None:
    ones, others = random.Random("a 1 1"), random.Random("a 1 1")
    for _ in range(200):
        assert drawn(ones, ("x",)) == drawn(others, ("x",))
        reply = Reply(200, b'{"a": [1, "b"]}')
        assert spoilt(reply, ones) == spoilt(reply, others)


def test_a_failure_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def broken() -> Iterator[Callable[[random.Random], None]]:
        def case(_: random.Random) -> None:
            raise KeyError

        yield case

    monkeypatch.setitem(TARGETS, "broken", broken)
    with pytest.raises(AssertionError, match=r"tests/fuzz\.py 0 broken 2 7$"):
        fuzz("broken", 0, seed=2, only=7)

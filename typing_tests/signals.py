"""What type checkers know of signals and errors: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping, Sequence
from typing import assert_type

import attrs
import polars as pl

from exconn import (
    FACTS,
    SIGNALS,
    Direction,
    ExconnError,
    Fact,
    Family,
    InvalidValueError,
    Question,
    Signal,
    Unit,
    UnknownConnectorError,
    UnsupportedExpression,
)
from exconn.signals.question import TRAFFIC_UNUSUAL

mine = Signal(
    id="volume.busy",
    title="busy",
    family=Family.VOLUME,
    direction=Direction.FOR,
    question=TRAFFIC_UNUSUAL,
    when=pl.col("messages") > 1000,
    sentence="{messages:.0f} messages.",
    rationale="Blasts are.",
    fires={"messages": 1001},
    nearly={"messages": 1000},
)
assert_type(mine.family, Family)
assert_type(mine.direction, Direction)
assert_type(mine.question, Question)
assert_type(mine.when, pl.Expr)
assert_type(mine.state, pl.Expr)
assert_type(mine.facts, tuple[str, ...])
assert_type(mine.fires, Mapping[str, float])
assert_type(mine.weight, float)
assert_type(attrs.evolve(mine, weight=0.5), Signal)
assert_type(SIGNALS, tuple[Signal, ...])
more: Sequence[Signal] = (*SIGNALS, mine)
assert_type(FACTS, tuple[Fact, ...])
assert_type(FACTS[0].unit, Unit)

# Errors carry what they are about, and are what Python has for such cases.
try:
    pass
except UnknownConnectorError as error:
    assert_type(error.nearest, tuple[str, ...])
except UnsupportedExpression as error:
    assert_type(error.column, str)
wide: type[ExconnError] = InvalidValueError
plain: type[ValueError] = InvalidValueError
lookup: type[LookupError] = UnknownConnectorError

# What does not go.
Signal(id="volume.busy")  # type: ignore[call-arg]
mine.weight = 1.0  # type: ignore[misc]
Question("id", "text", "messages > 1")  # type: ignore[arg-type]
strict: type[KeyError] = UnknownConnectorError  # type: ignore[assignment]

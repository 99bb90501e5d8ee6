"""How findings become a verdict: every weight and threshold in one value."""

import math
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Self

from attrs import Attribute, field, fields, frozen
from attrs.validators import gt, lt

from exconn.errors import InvalidValueError, nearest
from exconn.signals import Signal

_SHIPPED: Mapping[str, Any] = tomllib.loads(
    files("exconn.grading").joinpath("policy.toml").read_text(encoding="utf-8")
)

_MOST = 1e9
"""No margin gets so far; sums of numbers up to here are numbers that can be drawn."""


def _weights(given: Mapping[str, float]) -> Mapping[str, float]:
    return {**_SHIPPED["weights"], **given}


def _not_negative(_instance: object, _attribute: object, weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if not 0 <= weight <= _MOST:
            raise InvalidValueError(
                f"weight of {name}", f"expected 0 or more, up to {_MOST:g}, got {weight}"
            )


def _finite(_instance: object, attribute: "Attribute[float]", number: float) -> None:
    if not abs(number) <= _MOST:
        raise InvalidValueError(
            attribute.name, f"expected a number no further than {_MOST:g} from 0, got {number}"
        )


def _whole(_instance: object, _attribute: object, families: float) -> None:
    if not isinstance(families, int) or families < 1:
        raise InvalidValueError("families", f"expected a whole number, 1 or more, got {families}")


@frozen(kw_only=True)
class Policy:
    """The weights and thresholds of a grade.

    What is not given is as in the shipped policy, whose values are derived from the scenario
    library (see "How good are the verdicts?" in the documentation).

    Attributes:
        true_positive: from this margin on, a connector may be graded a true positive.
        benign: up to this margin, it may be graded benign.
        noticeable: what a family says counts from here on. A benign connector is graded expected
            activity, rather than a false positive, when what speaks for malice adds up to this.
        families: so many families of signals must speak noticeably for malice in a true positive,
            and against it in a benign grade; for malice the chain counts twice.
        decay: within a family, the strongest signal counts fully, the next `decay` times its
            weight, the next `decay` squared times, and so on.
        weights: of signals, by id; not negative. Signals that it does not name have their own.
    """

    true_positive: float = field(default=_SHIPPED["true_positive"], validator=[_finite, gt(0)])
    benign: float = field(default=_SHIPPED["benign"], validator=[_finite, lt(0)])
    noticeable: float = field(default=_SHIPPED["noticeable"], validator=[_finite, gt(0)])
    families: int = field(default=_SHIPPED["families"], validator=_whole)
    decay: float = field(default=_SHIPPED["decay"], validator=[_finite, gt(0), lt(1)])
    weights: Mapping[str, float] = field(
        factory=dict, converter=_weights, validator=_not_negative, repr=False
    )

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a policy from TOML.

        The keys are the attributes' names; `weights` is a table of numbers by signal id. What is
        left out is as in the shipped policy.

        Raises:
            InvalidValueError: it is not TOML, or has an unknown key or a value of another kind.
        """
        try:
            given = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidValueError("policy", f"not TOML: {error}") from None
        known = [attribute.name for attribute in fields(cls)]
        for key, value in given.items():
            if key not in known:
                close = ", ".join(nearest(key, known)) or ", ".join(known)
                raise InvalidValueError("policy", f"unknown key {key!r}; nearest: {close}")
            numbers = value if key == "weights" else {key: value}
            if not isinstance(numbers, dict):
                raise InvalidValueError("policy", f"{key} must be a table, got {value!r}")
            for name, number in numbers.items():
                if isinstance(number, bool) or not isinstance(number, int | float):
                    raise InvalidValueError("policy", f"{name} must be a number, got {number!r}")
        try:
            return cls(**given)
        except ValueError as error:
            raise InvalidValueError("policy", str(error)) from None

    def weight(self, signal: Signal) -> float:
        """What a signal weighs."""
        return self.weights.get(signal.id, signal.weight)

    def score(self, margin: float) -> float:
        """The margin as a number between 0 and 1; 0.5 is no evidence either way."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, margin))))

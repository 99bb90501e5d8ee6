"""How findings become a verdict: every weight and threshold in one value."""

import math
from collections.abc import Mapping

from attrs import field, frozen
from attrs.validators import ge, gt, lt

from exconn.errors import InvalidValueError
from exconn.signals import Signal


def _weights(_instance: object, _attribute: object, weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise InvalidValueError(f"weight of {name}", f"expected 0 or more, got {weight}")


@frozen(kw_only=True)
class Policy:
    """The weights and thresholds of a grade.

    Attributes:
        true_positive: from this margin on, a connector may be graded a true positive.
        benign: up to this margin, it may be graded benign.
        noticeable: a benign connector is graded expected activity, rather than a false positive,
            when what speaks for malice adds up to this.
        families: so many families of signals must speak for malice in a true positive.
        decay: within a family, the strongest signal counts fully, the next `decay` times its
            weight, the next `decay` squared times, and so on.
        weights: other weights for signals, by id; not negative.
    """

    true_positive: float = field(default=3.5, validator=gt(0))
    benign: float = field(default=-1.5, validator=lt(0))
    noticeable: float = field(default=0.3, validator=gt(0))
    families: int = field(default=3, validator=ge(1))
    decay: float = field(default=0.6, validator=[gt(0), lt(1)])
    weights: Mapping[str, float] = field(factory=dict, validator=_weights)

    def weight(self, signal: Signal) -> float:
        """What a signal weighs."""
        return self.weights.get(signal.id, signal.weight)

    def score(self, margin: float) -> float:
        """The margin as a number between 0 and 1; 0.5 is no evidence either way."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, margin))))

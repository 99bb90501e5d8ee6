"""What a scenario is, and what a family of scenarios is."""

import enum
from collections.abc import Callable, Mapping

import polars as pl
from attrs import field, frozen

from exconn.context import Context
from exconn.models import Alert
from exconn.testing.scenarios._stage import Stage


class Truth(enum.StrEnum):
    """What is to be found out."""

    MALICIOUS = "malicious"
    BENIGN = "benign"
    INSUFFICIENT = "insufficient"


@frozen(eq=False, kw_only=True)
class Scenario:
    """A tenant in which something happened, an alert on it, and the truth.

    Attributes:
        family: the name of its family.
        seed: the same family and seed give identical frames.
        truth: what a perfect analyst would say; INSUFFICIENT when nobody could tell.
        alert: what is to be graded.
        context: what the organisation knows of itself.
        frames: by table name, with all columns; a table that is missing is left out.
        story: what happened here, in a sentence.
    """

    family: str
    seed: int
    truth: Truth
    alert: Alert
    context: Context = field(repr=False)
    frames: Mapping[str, pl.DataFrame] = field(repr=False)
    story: str


@frozen(eq=False)
class Family:
    """Scenarios of one kind. Each seed draws other people, sizes, times and habits.

    Attributes:
        name: stable, in lower case with hyphens.
        truth: of each of them.
        about: one sentence.
        happen: lets it happen on a stage.
        hard: whether even a good analyst often cannot tell.
    """

    name: str
    truth: Truth
    about: str
    happen: Callable[[Stage], None] = field(repr=False)
    hard: bool = False

    def scenario(self, seed: int) -> Scenario:
        """The scenario of a seed."""
        stage = Stage(self.name, seed)
        self.happen(stage)
        return Scenario(
            family=self.name,
            seed=seed,
            truth=self.truth,
            alert=stage.alert,
            context=stage.context,
            frames=stage.frames(),
            story=stage.story,
        )

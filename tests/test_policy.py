"""Policies: read from TOML, checked, and used."""

import math
from importlib.resources import files

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn.errors import InvalidValueError
from exconn.grading import Policy
from exconn.signals import SIGNALS, Direction, Family
from incidents import graded, honest

SHIPPED = files("exconn.grading").joinpath("policy.toml").read_text("utf-8")
NAMES = [field.name for field in attrs.fields(Policy)]
weights = st.dictionaries(
    st.sampled_from([signal.id for signal in SIGNALS]), st.floats(0, 20), max_size=5
)
policies = st.builds(
    Policy,
    true_positive=st.floats(0.1, 20),
    benign=st.floats(-20, -0.1),
    noticeable=st.floats(0.01, 5),
    families=st.integers(1, 9),
    decay=st.floats(0.05, 0.95),
    weights=weights,
)


def toml(policy: Policy) -> str:
    """A policy as its file has it."""
    values = {name: value for name, value in attrs.asdict(policy).items() if name != "weights"}
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    lines += ["[weights]", *(f'"{name}" = {weight!r}' for name, weight in policy.weights.items())]
    return "\n".join(lines)


# From TOML


def test_the_shipped_file_is_the_default() -> None:
    assert Policy.from_toml(SHIPPED) == Policy()
    assert Policy.from_toml("") == Policy()


@given(policies)
def test_a_policy_survives_toml(policy: Policy) -> None:
    assert Policy.from_toml(toml(policy)) == policy


def test_what_a_file_leaves_out_is_as_shipped() -> None:
    assert Policy.from_toml("benign = -7.5") == attrs.evolve(Policy(), benign=-7.5)
    assert Policy.from_toml("families = 2") == attrs.evolve(Policy(), families=2)
    some = Policy.from_toml('[weights]\n"volume.surge" = 9')
    assert some.weights == {**Policy().weights, "volume.surge": 9}
    assert attrs.evolve(some, weights=Policy().weights) == Policy()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("true_positives = 3", "unknown key 'true_positives'; nearest: true_positive"),
        ("weight = 1", "nearest: weights"),
        ("x = 1", f"nearest: {', '.join(NAMES)}"),
        ("benign = 'low'", "benign must be a number, got 'low'"),
        ("benign = true", "benign must be a number, got True"),
        ("benign = [-1]", r"benign must be a number, got \[-1\]"),
        ("weights = 3", "weights must be a table, got 3"),
        ("weights = [1]", r"weights must be a table, got \[1\]"),
        ('[weights]\n"volume.surge" = "much"', "volume.surge must be a number, got 'much'"),
        ('[weights]\n"volume.surge" = false', "volume.surge must be a number, got False"),
        ('[weights]\n"volume.surge" = -1', r"weight of volume\.surge: expected 0 or more"),
        ('[weights]\n"volume.surge" = nan', r"weight of volume\.surge"),
        ('[weights]\n"volume.surge" = inf', r"weight of volume\.surge"),
        ("[weights]\nvolume.surge = 1", "volume must be a number"),
        ("true_positive = 0", "true_positive"),
        ("true_positive = -1", "true_positive"),
        ("benign = 0", "benign"),
        ("noticeable = 0", "noticeable"),
        ("families = 0", "families"),
        ("decay = 1", "decay"),
        ("decay = 0", "decay"),
        ("benign = nan", "benign"),
        ("true_positive = nan", "true_positive"),
        ("benign = -inf", "benign: expected a number no further than 1e[+]09 from 0, got -inf"),
        ("true_positive = inf", "true_positive: expected a number"),
        ("noticeable = inf", "noticeable: expected a number"),
        ("decay = nan", "decay: expected a number"),
        ("true_positive = 1e308", "true_positive: expected a number"),
        ('[weights]\n"volume.surge" = 1e308', r"weight of volume\.surge"),
        ("benign =", "not TOML"),
        ("{}", "not TOML"),
        ("benign = -1\nbenign = -2", "not TOML"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(InvalidValueError, match=told) as caught:
        Policy.from_toml(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("policy: ")


@pytest.mark.parametrize("name", ["true_positive", "benign", "noticeable", "decay"])
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1e308, -1e308])
def test_a_threshold_is_a_number_that_a_margin_could_reach(name: str, number: float) -> None:
    with pytest.raises(InvalidValueError, match=f"^{name}: expected a number"):
        attrs.evolve(Policy(), **{name: number})  # type: ignore[arg-type]  # by name


def test_a_number_of_families_is_whole() -> None:
    with pytest.raises(InvalidValueError, match="families"):
        Policy.from_toml("families = 2.5")


# What is shipped


def test_the_shipped_policy_weighs_exactly_the_signals_that_are_shipped() -> None:
    assert set(Policy().weights) == {signal.id for signal in SIGNALS}


def test_the_shipped_policy_can_grade_either_way() -> None:
    policy = Policy()
    for direction, wanted in (
        (Direction.FOR, policy.true_positive),
        (Direction.AGAINST, -policy.benign),
    ):
        strongest = {
            family: max(policy.weight(s) for s in SIGNALS if s.family is family)
            for family in Family
            if any(s.family is family and s.direction is direction for s in SIGNALS)
        }
        assert sum(strongest.values()) > wanted
    assert all(weight > 0 for weight in policy.weights.values())


# Used


def test_a_policy_that_weighs_what_is_no_signal_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"weighs 'volume\.surges'; nearest signals: 'vol"):
        graded(honest(), policy=Policy(weights={"volume.surges": 1}))
    with pytest.raises(InvalidValueError, match="none like it"):
        graded(honest(), policy=Policy(weights={"zzz": 1}))


def test_a_policy_may_weigh_shipped_signals_that_are_not_asked() -> None:
    alone = tuple(signal for signal in SIGNALS if signal.id == "change.none")
    found = graded(honest(), signals=alone)
    assert found.margin == pytest.approx(-Policy().weights["change.none"])


def test_a_signal_of_ones_own_has_its_own_weight_unless_the_policy_says_another() -> None:
    mine = attrs.evolve(
        SIGNALS[0],
        id="context.busy",
        family=Family.CONTEXT,
        weight=2.5,
        when=pl.col("messages") > 0,
        sentence="{messages:.0f} messages.",
        fires={"messages": 1},
        nearly={"messages": 0},
    )
    asked = (*SIGNALS, mine)
    before = graded(honest()).margin
    assert graded(honest(), signals=asked).margin == pytest.approx(before + 2.5)
    policy = Policy(weights={mine.id: 0.5})
    assert graded(honest(), signals=asked, policy=policy).margin == pytest.approx(before + 0.5)
    own = Policy.from_toml('[weights]\n"context.busy" = 0')
    assert graded(honest(), signals=asked, policy=own).margin == pytest.approx(before)
    with pytest.raises(InvalidValueError, match=r"weighs 'context\.busy'"):
        graded(honest(), policy=policy)


@given(policies, st.floats(-50, 50))
def test_the_score_is_the_logistic_function_of_the_margin(policy: Policy, margin: float) -> None:
    assert policy.score(margin) == pytest.approx(1 / (1 + math.exp(-margin)))
    assert policy.score(margin) + policy.score(-margin) == pytest.approx(1)

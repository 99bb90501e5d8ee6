"""Errors: each survives the way from one process to another, and says what it says in one line."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from exconn import errors
from exconn.errors import ExconnError, nearest
from exconn.sources import NotThereError

MADE: dict[str, ExconnError] = {
    "ExconnError": errors.ExconnError("plain"),
    "InvalidValueError": errors.InvalidValueError("time", "expected ISO 8601"),
    "UnknownColumnError": errors.UnknownColumnError("Subjct", ["Subject", "Timestamp"], "x"),
    "UnknownConnectorError": errors.UnknownConnectorError("relai", ["Relay", "Printers"]),
    "NoDataError": errors.NoDataError("no rows"),
    "UnreadableDataError": errors.UnreadableDataError("a.parquet", "is not a Parquet file"),
    "UnsupportedExpression": errors.UnsupportedExpression("median", "Rows", "use the mean"),
    "SourceError": errors.SourceError("Defender", "odd answer"),
    "SignInError": errors.SignInError("Defender", "no consent"),
    "UnavailableError": errors.UnavailableError("Sentinel", "busy"),
    "IncompleteResultError": errors.IncompleteResultError("Sentinel", "too many rows"),
    "NotThereError": NotThereError("Kusto", "no table X"),
    "MissingExtraError": errors.MissingExtraError("the command line", "cli"),
}


def every(kind: type[ExconnError]) -> set[str]:
    return {kind.__name__}.union(*(every(below) for below in kind.__subclasses__()))


def test_every_error_is_tested_here() -> None:
    assert every(ExconnError) == set(MADE)


def same(found: BaseException, made: ExconnError) -> None:
    assert type(found) is type(made)
    assert str(found) == str(made)
    assert found.args == made.args
    assert vars(found) == vars(made)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(name: str, protocol: int) -> None:
    same(pickle.loads(pickle.dumps(MADE[name], protocol)), MADE[name])  # noqa: S301 # our own


@pytest.mark.parametrize("name", MADE)
def test_an_error_survives_copying(name: str) -> None:
    same(copy.copy(MADE[name]), MADE[name])
    same(copy.deepcopy(MADE[name]), MADE[name])


def test_an_error_keeps_its_notes() -> None:
    noted = errors.UnreadableDataError("a.parquet", "odd")
    noted.add_note("in the folder b")
    again = pickle.loads(pickle.dumps(noted))  # noqa: S301 # our own
    assert again.__notes__ == ["in the folder b"]


def fail(name: str) -> None:
    raise MADE[name]


def test_an_error_of_another_process_arrives_as_itself() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for name, made in MADE.items():
            raised = pool.submit(fail, name).exception()
            assert raised is not None
            same_but_notes(raised, made)


def same_but_notes(found: BaseException, made: ExconnError) -> None:
    """The pool adds the other process's traceback as a cause, never as a value."""
    assert type(found) is type(made)
    assert str(found) == str(made)
    assert {k: v for k, v in vars(found).items() if k != "__notes__"} == vars(made)


@pytest.mark.parametrize("name", MADE)
def test_a_message_fits_one_line(name: str) -> None:
    assert str(MADE[name])
    assert "\n" not in str(MADE[name])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("plant", ("Plant monitoring relay", "HR platform")),
        (" Relay ", ("Plant monitoring relay",)),
        ("HR", ()),
        ("hr platfrom", ("HR platform",)),
        ("nothing like it", ()),
    ],
)
def test_what_has_a_name_in_it_is_nearest(asked: str, found: tuple[str, ...]) -> None:
    assert nearest(asked, ["HR platform", "Plant monitoring relay"]) == found


def test_names_that_have_a_name_in_them_do_not_crowd_out_the_nearest() -> None:
    """An attacker may give a connector any name."""
    names = [f"{letter} relay in Rome" for letter in "abcdef"]
    assert "Relay1" in nearest("relay", [*names, "Relay1"])

"""Every error that exconn raises on purpose.

.. code-block:: text

    ExconnError
    ├── InvalidValueError (ValueError)        an argument, option or setting that cannot be used
    ├── UnknownColumnError (LookupError)      a query names a column that is not there
    ├── UnknownConnectorError (LookupError)   a connector that is in neither mail nor changes
    ├── NoDataError (LookupError)             nothing to read where tables were expected
    ├── UnreadableDataError (ValueError)      a file or column that cannot be converted
    ├── UnsupportedExpression (TypeError)     an expression that KQL cannot say exactly
    ├── SourceError                           a service that did not answer as it should
    │   ├── SignInError (PermissionError)     it does not let this account in, or not so far
    │   ├── UnavailableError                  it stayed busy or broken through all tries
    │   └── IncompleteResultError             an answer that cannot be had whole
    └── MissingExtraError (ImportError)       an optional dependency that is not installed

Each message says what was expected, what came and what to do. It fits one line: the command line
prints it as it is and exits with status 2.
"""

import difflib
from collections.abc import Iterable


class ExconnError(Exception):
    """The base of all errors that exconn raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error pass from one process to another, whatever its constructor takes."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[ExconnError], args: tuple[object, ...]) -> ExconnError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error


class InvalidValueError(ExconnError, ValueError):
    """An argument, an option or a setting cannot be used.

    Attributes:
        what: what the value was meant to be, in the user's words ("time", "context file").
    """

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what}: {problem}")
        self.what = what


class UnknownColumnError(ExconnError, LookupError):
    """A query names a column that the table, or an earlier step, does not have.

    Attributes:
        column: the name as it was written.
        nearest: up to three names that exist and look like it.
    """

    def __init__(self, column: str, existing: Iterable[str], where: str) -> None:
        self.column = column
        self.nearest = nearest(column, existing)
        super().__init__(f"no column {column!r} in {where}{did_you_mean(self.nearest)}")


class UnknownConnectorError(ExconnError, LookupError):
    """A connector has neither mail nor changes in the data.

    Attributes:
        connector: the name as it was asked for.
        nearest: up to three connectors that the data does have.
    """

    def __init__(self, connector: str, existing: Iterable[str]) -> None:
        names = tuple(existing)
        self.connector = connector
        self.nearest = nearest(connector, names) or names[:3]
        super().__init__(
            f"connector {connector!r} is in neither mail nor changes{did_you_mean(self.nearest)}"
        )


class NoDataError(ExconnError, LookupError):
    """There is nothing to read where tables were expected."""


class UnreadableDataError(ExconnError, ValueError):
    """A file, or a column in it, cannot be converted into a table.

    Attributes:
        where: the file or frame.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where


class UnsupportedExpression(ExconnError, TypeError):  # noqa: N818 # what it is, not an accident
    """An expression or a step has no exact equivalent in KQL, or none that exconn knows.

    Attributes:
        part: the part of the expression, in Polars' words.
        column: the column or step that it belongs to.
    """

    def __init__(self, part: str, column: str, instead: str = "") -> None:
        self.part = part
        self.column = column
        advice = f"; {instead}" if instead else ""
        super().__init__(f"{column}: KQL has no exact equivalent of {part}{advice}")


class SourceError(ExconnError):
    """A service that runs queries did not answer as it should.

    Attributes:
        service: which.
    """

    def __init__(self, service: str, problem: str) -> None:
        super().__init__(f"{service}: {problem}")
        self.service = service


class SignInError(SourceError, PermissionError):
    """A service does not let this account in, or not as far as it needs to go."""


class UnavailableError(SourceError):
    """A service stayed busy or broken through all tries."""


class IncompleteResultError(SourceError):
    """An answer cannot be had whole, not even in the smallest parts of its time."""


class MissingExtraError(ExconnError, ImportError):
    """A feature needs an optional dependency that is not installed.

    Attributes:
        extra: the name to install: ``pip install 'exconn[<extra>]'``.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs more packages: run  pip install 'exconn[{extra}]'")
        self.extra = extra


_NEAREST = 3
_PART = 3
"""Of so many characters at least, what is a part of a name says which is meant."""


def nearest(name: str, existing: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of `existing` that look like `name`, or have it in them, without case."""
    by_folded = {candidate.casefold(): candidate for candidate in existing}
    asked = name.strip().casefold()
    close = difflib.get_close_matches(asked, by_folded, n=_NEAREST, cutoff=0.5)
    within = [folded for folded in by_folded if len(asked) >= _PART and asked in folded]
    closest = difflib.get_close_matches(asked, within, n=1, cutoff=0)
    found = dict.fromkeys([*closest, *close])
    return tuple(by_folded[folded] for folded in list(found)[:_NEAREST])


def did_you_mean(names: Iterable[str]) -> str:
    """Return what `nearest` found as the end of a message; "" where it found none."""
    names = tuple(names)
    return f"; nearest: {', '.join(repr(name) for name in names)}" if names else ""

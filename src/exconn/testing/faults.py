"""What can go wrong between a client and a tenant, as values.

Give them to `TenantServer.fail`. Each is what the service's documentation, or a client that met
it, says of the wire.
"""

from attrs import frozen


@frozen
class Throttled:
    """Status 429. `retry_after` is sent as it is: seconds, a date, nonsense, or not at all."""

    retry_after: str | None = "1"


@frozen
class Failed:
    """A status, with the service's own error body, or with another one."""

    status: int
    body: str | None = None


@frozen
class Forbidden:
    """Status 403: signed in, and not allowed."""


@frozen
class Reset:
    """The connection is reset before the response."""


@frozen
class CutShort:
    """The body ends early.

    Attributes:
        at: the part of it that is sent.
        chunked: sent in chunks, of which the last never comes, instead of with its length.
    """

    at: float = 0.5
    chunked: bool = False


@frozen
class Slow:
    """The response takes so many seconds.

    Attributes:
        seconds: until all of it is sent.
        pieces: in how many it comes; between them is silence.
    """

    seconds: float
    pieces: int = 1


@frozen
class NotJson:
    """A page of HTML, as proxies send it."""

    status: int = 200


@frozen
class Empty:
    """Status 200 without a body."""


@frozen
class Garbage:
    """Status 200 and a body that says JSON and is not even text.

    Attributes:
        encoding: what the header Content-Encoding claims, such as ``gzip``.
    """

    encoding: str = ""


@frozen
class Redirected:
    """Status 302 to somewhere else."""

    url: str


@frozen
class TooLarge:
    """The result is larger than the service allows.

    Graph refuses; Kusto sends rows, and among them that there would be more.
    """


@frozen
class TimedOut:
    """Status 504 without a word, as Graph's gateway has it after a few minutes."""


@frozen
class QuotaExceeded:
    """The tenant has used up its share of processor time."""


@frozen
class ExpiredToken:
    """The token is no longer valid, from this call on."""


@frozen
class ClaimsChallenge:
    """Status 401 that asks for a token with these claims, from this call on.

    Attributes:
        claims: JSON.
    """

    claims: str = '{"access_token":{"nbf":{"essential":true,"value":"1772323200"}}}'


@frozen
class ColumnsChanged:
    """The result lacks a column, or has it in another type.

    Attributes:
        dropped: whether the last column is missing; otherwise it is a string.
    """

    dropped: bool = True


@frozen
class PartialRows:
    """Kusto: after some rows, an error stands where a row should."""

    after: int = 1


@frozen
class CompletionErrors:
    """Kusto: all rows, and the last frame says that there were errors."""


@frozen
class DeferredErrors:
    """Kusto: some rows, and only the table of completion information says so."""

    after: int = 1


@frozen
class Cancelled:
    """Kusto: the last frame says that the query was cancelled."""


@frozen
class NoCompletion:
    """Kusto: the last frame is missing."""


@frozen
class MissingPrimary:
    """Kusto: the table of results is missing."""


@frozen
class ExtraTable:
    """Kusto: there are two tables of results."""


Fault = (
    Throttled
    | Failed
    | Forbidden
    | Reset
    | CutShort
    | Slow
    | NotJson
    | Empty
    | Garbage
    | Redirected
    | TooLarge
    | TimedOut
    | QuotaExceeded
    | ExpiredToken
    | ClaimsChallenge
    | ColumnsChanged
    | PartialRows
    | CompletionErrors
    | DeferredErrors
    | Cancelled
    | NoCompletion
    | MissingPrimary
    | ExtraTable
)
"""Any of them."""

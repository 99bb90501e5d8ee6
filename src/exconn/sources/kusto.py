"""Azure Data Explorer; and Sentinel and Log Analytics, through its query proxy."""

import urllib.parse
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exconn.errors import (
    ExconnError,
    InvalidValueError,
    MissingExtraError,
    SignInError,
    SourceError,
    UnavailableError,
)
from exconn.kql import KUSTO, Dialect, Statement, dialect_of
from exconn.kql.text import literal
from exconn.sources._line import Busy, Clock, Patience, Slow, TokenRefused, TooMuch, retry_after
from exconn.sources._wire import NONSENSE, Reply
from exconn.sources.cache import ResultCache
from exconn.sources.clouds import CLOUDS, host_of
from exconn.sources.remote import NotThereError, RemoteSource
from exconn.sources.sign_in import renew
from exconn.tables import KqlType

if TYPE_CHECKING:
    from azure.kusto.data import KustoConnectionStringBuilder

_LIMITS = ("limitsexceeded", "e_query_result_set_too_large", "e_runaway_query", "querylimits")
_TIMEOUTS = ("timeout", "timed out")
_UNRESOLVED = ("sem0100", "failed to resolve")
_SHORTAGES = ("throttl", "lowmemory", "low memory")
_WARNING_PAST = 4  # levels 1 to 3 are critical, error and warning
_SERVER_TIMEOUT = timedelta(minutes=4)


class KustoSource(RemoteSource):
    """A source over a database of Azure Data Explorer, or a workspace of Sentinel.

    Args:
        cluster: its URL, such as ``https://help.kusto.windows.net``, or for Sentinel
            `workspace_url`; or a connection made by one of azure-kusto-data's builders, such as
            ``KustoConnectionStringBuilder.with_az_cli_authentication(url)``.
        database: its name; for Sentinel the workspace's, in its own letter case.
        token: gives an access token for the cluster; only beside a URL.
        dialect: ``kusto`` where tables have Defender's own schema, ``sentinel`` for Sentinel.
        trusted_hosts: hosts besides Microsoft's that may be shown the token.
        lookback: how far back rows are looked at.
        cache: keeps results on disk, so that a hunt that was interrupted goes on.
        patience: how much is tried when the service is busy.
        clock: the time.

    Raises:
        InvalidValueError: the URL is not https, or not on a host that is trusted; or there is no
            token beside it.
        MissingExtraError: the extra ``kusto`` is not installed.
    """

    def __init__(
        self,
        cluster: "str | KustoConnectionStringBuilder",
        database: str,
        token: Callable[[], str] | None = None,
        *,
        dialect: Dialect | str = KUSTO,
        trusted_hosts: Collection[str] = (),
        lookback: timedelta = timedelta(days=90),
        cache: ResultCache | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(cluster, str) is (token is None):
            raise InvalidValueError(
                "cluster", "expected a URL and a token, or a connection and no token"
            )
        builder = _kusto().KustoConnectionStringBuilder
        url = cluster if isinstance(cluster, str) else str(cluster.data_source)
        host = host_of(url, trusted_hosts, _is_microsofts)
        connection: KustoConnectionStringBuilder = (
            builder.with_token_provider(cluster, token) if isinstance(cluster, str) else cluster
        )
        clock = clock or Clock()
        service = _Kusto(connection, database, host, dialect_of(dialect), clock, token)
        super().__init__(service, lookback=lookback, cache=cache, patience=patience, clock=clock)


def workspace_url(
    subscription: str,
    resource_group: str,
    workspace: str,
    *,
    proxy: str = "https://ade.loganalytics.io",
) -> str:
    """The URL under which Azure Data Explorer's query proxy shows a Log Analytics workspace.

    Args:
        subscription: its id.
        resource_group: its name.
        workspace: its name, which is the database's too.
        proxy: ``https://adx.monitor.azure.us`` and ``https://adx.monitor.azure.cn`` for the US
            Government's cloud and China's.
    """
    given = {"subscription": subscription, "resource group": resource_group, "workspace": workspace}
    for what, value in given.items():
        if not value.strip():
            raise InvalidValueError(what, "is empty")
    parts = [urllib.parse.quote(value, safe="") for value in given.values()]
    return (
        f"{proxy}/subscriptions/{parts[0]}/resourcegroups/{parts[1]}"
        f"/providers/microsoft.operationalinsights/workspaces/{parts[2]}"
    )


class _Kusto:
    def __init__(
        self,
        connection: "KustoConnectionStringBuilder",
        database: str,
        host: str,
        dialect: Dialect,
        clock: Clock,
        token: Callable[[], str] | None,
    ) -> None:
        self._client = _kusto().KustoClient(connection)
        self._database = database
        self._clock = clock
        self._token = token
        self.dialect = dialect
        self.name = f"{database} at {host}"
        self.place = f"{connection.data_source} {database} {dialect.name}"

    @property
    def at_once(self) -> int:
        return 4

    def run(self, statement: Statement) -> Reply:
        from azure.kusto.data.exceptions import KustoError  # noqa: PLC0415 # an extra
        from ijson import JSONError  # type: ignore[import-untyped] # noqa: PLC0415 # comes with it
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 # so does this

        try:
            return self._whole(self._frames(statement))
        except (KustoError, HTTPError, JSONError, OSError, ValueError, *NONSENSE) as error:
            fault = self._fault(error)
        # Out here, where no handler ties the error to the request, which holds the token.
        raise fault

    def _frames(self, statement: Statement) -> list[Mapping[str, Any]]:
        """Every frame of the reply, with its rows.

        Frames, because the client's own results leave out the errors of the last one.
        """
        properties = _kusto().ClientRequestProperties()
        for key, value in statement.parameters.items():
            kind = KqlType.STRING if isinstance(value, str) else KqlType.DATETIME
            properties.set_parameter(key, literal(value, kind))
        answer = self._client.execute_streaming_query(
            self._database, statement.text, _SERVER_TIMEOUT, properties
        )
        return [
            {**frame, "Rows": list(frame["Rows"])} if "Rows" in frame else frame
            for frame in answer.streamed_data
        ]

    def _whole(self, frames: Iterable[Mapping[str, Any]]) -> Reply:
        """The primary result, if every frame says that it is whole."""
        primary: list[Mapping[str, Any]] = []
        errors: list[object] = []
        ended = False
        for frame in frames:
            match frame["FrameType"].name, frame.get("TableKind"):
                case "DataTable", "PrimaryResult":
                    primary.append(frame)
                case "DataTable", "QueryCompletionInformation":
                    names = [column["ColumnName"] for column in frame["Columns"]]
                    events = [dict(zip(names, row, strict=True)) for row in frame["Rows"]]
                    errors += [event for event in events if event.get("Level", 0) < _WARNING_PAST]
                case "DataSetCompletion", _:
                    ended = True
                    if frame["HasErrors"] or frame["Cancelled"]:
                        errors.append(frame.get("OneApiErrors") or "it was cancelled")
        if errors:
            raise self._judged(f"the answer is not whole: {'; '.join(map(str, errors))}")
        if not ended:
            raise Busy("a reply that ends early")
        if len(primary) != 1:
            raise SourceError(self.name, f"expected one table of results, got {len(primary)}")
        names = [column["ColumnName"] for column in primary[0]["Columns"]]
        return Reply(names, primary[0]["Rows"])

    def _fault(self, error: Exception) -> Exception:
        """What an error of the client means."""
        from azure.kusto.data import exceptions as kusto  # noqa: PLC0415 # an extra
        from urllib3.exceptions import ReadTimeoutError  # noqa: PLC0415 # comes with it

        match error:
            case kusto.KustoAuthenticationError(exception=UnavailableError() as cause):
                return Busy(str(cause))
            case kusto.KustoAuthenticationError(exception=ExconnError() as cause):
                return cause
            case kusto.KustoAuthenticationError(exception=cause):
                return SignInError(self.name, f"signing in failed: {_first_line(cause)}")
            case kusto.KustoMultiApiError():
                errors = error.get_api_errors()
                lasting = all(one.permanent is not False for one in errors)
                said = "; ".join(f"{one.code}: {one.description}" for one in errors)
                return self._judged(f"the answer is not whole: {said}", lasting=lasting)
            case kusto.KustoThrottlingError(args=(_, response)):
                return self._refused(error, response)
            case kusto.KustoNetworkError():
                kind = type(error.__cause__).__name__
                return Slow("no answer in time") if kind == "ReadTimeout" else Busy(_reached(kind))
            case kusto.KustoServiceError(http_response=response) if response is not None:
                return self._refused(error, response)
            case ReadTimeoutError():
                return Slow("no answer in time")
            case kusto.KustoServiceError() | kusto.KustoClientError():
                return SourceError(self.name, _first_line(error))
        return Busy(f"a reply that breaks off ({type(error).__name__})")

    def _refused(self, error: Exception, response: Any) -> Exception:
        status = int(response.status_code)
        said = f"{status}: {_first_line(error)}"
        if status == 401:
            renew(self._token, response.request.headers, response.headers)
            return TokenRefused(f"does not take the token ({said})")
        if status == 403:
            return SignInError(self.name, f"does not let this account in ({said})")
        if status == 504:
            return Slow(f"the query timed out ({said})")
        after = retry_after(response.headers.get("Retry-After"), self._clock.now())
        return self._judged(said, lasting=status != 429 and status < 500, after=after)

    def _judged(
        self, said: str, *, lasting: bool = True, after: timedelta | None = None
    ) -> Exception:
        """What the service's words mean.

        Args:
            said: the words.
            lasting: whether the same question would get the same answer, as far as it says.
            after: how long it asks to be left alone.
        """
        said = said[:500]
        folded = said.lower()
        if any(word in folded for word in _LIMITS):
            return TooMuch(said)
        if any(word in folded for word in _UNRESOLVED):
            return NotThereError(self.name, said)
        if any(word in folded for word in _TIMEOUTS):
            return Slow(said)
        if not lasting or any(word in folded for word in _SHORTAGES):
            return Busy(f"busy ({said})", after)
        return SourceError(self.name, said)


def _is_microsofts(host: str) -> bool:
    """Whether azure-kusto-data knows the host as one of Microsoft's, in some cloud."""
    from azure.kusto.data import exceptions, kusto_trusted_endpoints  # noqa: PLC0415 # an extra

    for login in dict.fromkeys(cloud.login for cloud in CLOUDS):
        try:
            trusted = kusto_trusted_endpoints.well_known_kusto_endpoints
            trusted.validate_hostname_is_trusted(host, login)
        except exceptions.KustoError:
            continue
        return True
    return False


def _reached(kind: str) -> str:
    advice = {
        "SSLError": "; if a proxy of yours has its own authority, name it in REQUESTS_CA_BUNDLE",
        "ProxyError": "; see HTTPS_PROXY",
    }
    return f"no answer ({kind}{advice.get(kind, '')})"


def _first_line(error: Exception) -> str:
    said = str(error.args[0] if error.args else error)  # some hold the whole response behind it
    return (said.splitlines() or [type(error).__name__])[0][:500]


def _kusto() -> Any:
    try:
        import azure.kusto.data as kusto  # noqa: PLC0415 # an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("Azure Data Explorer and Sentinel", "kusto") from error
    return kusto

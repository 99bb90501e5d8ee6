"""Microsoft's clouds, and which hosts may be shown a token."""

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from attrs import frozen

from exconn.errors import InvalidValueError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@frozen
class Cloud:
    """One of Microsoft's clouds.

    Attributes:
        login: where accounts sign in.
        graph: where Microsoft Graph is.
    """

    login: str
    graph: str


GLOBAL = Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com")
"""The worldwide cloud, and US Government GCC."""
US_GOVERNMENT = Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us")
"""US Government L4 (GCC High)."""
US_DEFENSE = Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us")
"""US Government L5 (DoD)."""
CHINA = Cloud("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn")
"""China, operated by 21Vianet."""

CLOUDS = (GLOBAL, US_GOVERNMENT, US_DEFENSE, CHINA)


def host_of(url: str, trusted: Collection[str], is_microsofts: Callable[[str], bool]) -> str:
    """The host of a URL that may be shown a token: a known one by https, or this machine.

    Args:
        url: of the service.
        trusted: hosts that the user trusts.
        is_microsofts: says of a host, in lower case, whether it is one of the service's own.

    Raises:
        InvalidValueError: it is no such URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidValueError("URL", f"{url!r} is none ({error})") from None
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidValueError("URL", "expected https://host/path, without a name or a query")
    if host in _LOOPBACK and parts.scheme in ("http", "https"):
        return host
    if parts.scheme != "https" or not host:
        raise InvalidValueError("URL", f"expected https://, got {url!r}")
    if host not in {own.lower() for own in trusted} and not is_microsofts(host):
        raise InvalidValueError(
            "URL", f"{host!r} is no host of Microsoft's; if it is yours, name it in trusted_hosts"
        )
    return host

"""Ways to sign in to Microsoft Entra ID, by msal; each gives access tokens when called."""

import base64
import binascii
import functools
import json
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen, mutable

from exconn.errors import InvalidValueError, MissingExtraError, SignInError, UnavailableError
from exconn.sources._files import home, write_privately
from exconn.sources._wire import NONSENSE
from exconn.sources.clouds import CLOUDS, GLOBAL, Cloud
from exconn.unseen import visible

_SERVICE = "Entra ID"
_CLAIMS = re.compile(r'claims="([^"]+)"')
_PASSING = (408, 429)
_CLIENT_ASKS_AGAIN = ["CP1"]  # says that we understand claims challenges
_Answer = dict[str, Any]


def _to_stderr(text: str) -> None:
    print(visible(text), file=sys.stderr)  # noqa: T201 # a person waits for it


def _first_line(text: str) -> str:
    return (text.splitlines() or ["no reason"])[0]


@mutable(eq=False)
class SignIn:
    """An account or application that signs in. Call it for an access token.

    Attributes:
        who: what signs in, without secrets.
    """

    who: str
    _acquire: Callable[[str | None, bool], _Answer | None] = field(repr=False, alias="acquire")
    _claims: str | None = field(default=None, init=False, repr=False)
    _stale: bool = field(default=False, init=False, repr=False)
    _last: str = field(default="", init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __call__(self) -> str:
        """An access token, from the cache while it is valid.

        Raises:
            SignInError: Entra ID refuses.
            UnavailableError: it cannot be reached.
        """
        import requests  # noqa: PLC0415 # comes with the extra

        with self._lock:
            try:
                answer = self._acquire(self._claims, self._stale) or {}
            except (requests.RequestException, _msal().exceptions.MsalError) as error:
                raise UnavailableError(
                    _SERVICE, f"cannot be reached ({type(error).__name__}); try later"
                ) from None
            except ValueError as error:
                raise SignInError(_SERVICE, _first_line(str(error))) from None
            except (*NONSENSE, RuntimeError) as error:
                raise UnavailableError(
                    _SERVICE, f"gives a reply that is none ({type(error).__name__}); try later"
                ) from None
            token = answer.get("access_token")
            if not isinstance(token, str):
                said = str(answer.get("error_description") or answer.get("error") or "no reason")
                raise SignInError(_SERVICE, f"refuses {self.who}: {_first_line(said)}")
            self._claims, self._stale, self._last = None, False, token
            return token

    def renew(self, refused: str, claims: str | None = None) -> None:
        """Let the next call get a new token, with the claims that a service demands.

        Args:
            refused: the token that the service does not take; when there is a newer one, that is
                to be tried first.
            claims: JSON.
        """
        with self._lock:
            if refused == self._last:
                self._claims, self._stale = claims or self._claims, True


def renew(
    token: Callable[[], str] | None, asked: Mapping[str, str], answered: Mapping[str, str]
) -> None:
    """Let a way to sign in of ours get a new token, after a service has refused one.

    Args:
        token: what gave the token; functions of others are left as they are.
        asked: the headers of the request.
        answered: those of the response; WWW-Authenticate may demand claims (Continuous Access
            Evaluation).
    """
    if isinstance(token, SignIn):
        refused = asked.get("Authorization", "").removeprefix("Bearer ")
        token.renew(refused, _claims_of(answered.get("WWW-Authenticate", "")))


def _claims_of(challenge: str) -> str | None:
    found = _CLAIMS.search(challenge)
    if found is None:
        return None
    padded = found[1] + "=" * (-len(found[1]) % 4)
    try:
        return base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


@frozen
class TokenCache:
    """A file that keeps tokens between runs; its owner alone can read it.

    Attributes:
        file: made when it is not there.
    """

    file: Path = field(converter=home)

    def load(self, msal: Any) -> Any:
        """The cache for msal.

        Raises:
            InvalidValueError: others can read the file.
        """
        cache = msal.SerializableTokenCache()
        if self.file.exists():
            if not self.file.is_file():
                raise InvalidValueError("token cache", f"{self.file} is not a file; name one")
            if os.name == "posix" and stat.S_IMODE(self.file.stat().st_mode) & 0o077:
                raise InvalidValueError(
                    "token cache", f"others can read {self.file}: run  chmod 600 '{self.file}'"
                )
            try:
                cache.deserialize(self.file.read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise InvalidValueError(
                    "token cache", f"{self.file} cannot be read ({error}): delete it"
                ) from error
        return cache

    def save(self, cache: Any) -> None:
        """Write it back when it has changed."""
        if cache.has_state_changed:
            text = cache.serialize()
            write_privately(self.file, lambda file: file.write(text.encode()))


def client_secret(
    tenant: str,
    client_id: str,
    secret: str,
    *,
    cloud: Cloud = GLOBAL,
    resource: str | None = None,
    cache: TokenCache | None = None,
) -> SignIn:
    """An application with a secret.

    Args:
        tenant: its id or one of its domains.
        client_id: of the application.
        secret: its value, not its id.
        cloud: where the tenant is.
        resource: what the token is for; Microsoft Graph when None.
        cache: keeps tokens between runs.
    """
    return _application(_Directory(tenant, cloud, resource, cache), client_id, secret)


def client_certificate(
    tenant: str,
    client_id: str,
    pem: str,
    *,
    passphrase: str | None = None,
    cloud: Cloud = GLOBAL,
    resource: str | None = None,
    cache: TokenCache | None = None,
) -> SignIn:
    """An application with a certificate.

    Args:
        tenant: its id or one of its domains.
        client_id: of the application.
        pem: the private key and the certificate, one behind the other, as PEM text.
        passphrase: of the key.
        cloud: where the tenant is.
        resource: what the token is for; Microsoft Graph when None.
        cache: keeps tokens between runs.
    """
    credential = {"private_key": pem, "public_certificate": pem, "passphrase": passphrase}
    given = {key: value for key, value in credential.items() if value is not None}
    return _application(_Directory(tenant, cloud, resource, cache), client_id, given)


def device_code(
    tenant: str,
    client_id: str,
    *,
    cloud: Cloud = GLOBAL,
    resource: str | None = None,
    cache: TokenCache | None = None,
    show: Callable[[str], None] = _to_stderr,
) -> SignIn:
    """A person who signs in in a browser, perhaps on another machine.

    Args:
        tenant: its id or one of its domains.
        client_id: of a public client application.
        cloud: where the tenant is.
        resource: what the token is for; Microsoft Graph when None.
        cache: keeps tokens between runs.
        show: tells the person where to go and which code to enter.
    """

    def ask(app: Any, scopes: list[str], claims: str | None) -> _Answer:
        flow = app.initiate_device_flow(scopes=scopes)
        if "user_code" not in flow:
            return dict(flow)
        flow["interval"] = max(1, flow["interval"])  # under 1, msal asks without a pause
        show(flow["message"])
        return dict(app.acquire_token_by_device_flow(flow, claims_challenge=claims))

    return _person(_Directory(tenant, cloud, resource, cache), client_id, ask)


def interactive(
    tenant: str,
    client_id: str,
    *,
    cloud: Cloud = GLOBAL,
    resource: str | None = None,
    cache: TokenCache | None = None,
) -> SignIn:
    """A person who signs in in the browser of this machine; the arguments are `device_code`'s."""

    def ask(app: Any, scopes: list[str], claims: str | None) -> _Answer:
        return dict(app.acquire_token_interactive(scopes=scopes, claims_challenge=claims))

    return _person(_Directory(tenant, cloud, resource, cache), client_id, ask)


def managed_identity(
    client_id: str | None = None, *, cloud: Cloud = GLOBAL, resource: str | None = None
) -> SignIn:
    """The managed identity of the Azure machine that this runs on.

    Args:
        client_id: of a user-assigned identity; None for the system-assigned one.
        cloud: where the tenant is.
        resource: what the token is for; Microsoft Graph when None.
    """
    msal = _msal()
    identity = (
        msal.SystemAssignedManagedIdentity()
        if client_id is None
        else msal.UserAssignedManagedIdentity(client_id=client_id)
    )
    client = msal.ManagedIdentityClient(identity, http_client=_session())

    def acquire(claims: str | None, _stale: bool) -> _Answer:  # noqa: FBT001 # ours
        return dict(
            client.acquire_token_for_client(
                resource=resource or cloud.graph, claims_challenge=claims
            )
        )

    return SignIn(f"managed identity {client_id or ''}".strip(), acquire)


@frozen
class _Directory:
    """Where to sign in, and what for."""

    tenant: str
    cloud: Cloud
    resource: str | None
    cache: TokenCache | None

    @property
    def scopes(self) -> list[str]:
        return [f"{self.resource or self.cloud.graph}/.default"]

    def app(self, kind: str, client_id: str, kept: Any, **settings: Any) -> Any:
        """An application of msal's; it looks the tenant up at once."""
        made = getattr(_msal(), kind)
        return made(
            client_id,
            authority=f"{self.cloud.login}/{self.tenant}",
            instance_discovery=None if self.cloud in CLOUDS else False,
            client_capabilities=_CLIENT_ASKS_AGAIN,
            token_cache=kept,
            http_client=_session(),
            **settings,
        )

    def load(self) -> Any:
        """The tokens that are kept, in memory at least."""
        msal = _msal()
        return self.cache.load(msal) if self.cache else msal.SerializableTokenCache()

    def save(self, kept: Any) -> None:
        if self.cache:
            self.cache.save(kept)


def _session() -> Any:
    """Connections as msal makes them, which also never let it see a reply that is not JSON.

    It would log such a text as a whole, with the token that it may hold.
    """
    import requests  # noqa: PLC0415 # comes with msal
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 # comes with msal

    def check(response: Any, **_: object) -> None:
        status = response.status_code
        challenged = status == 401 and "WWW-Authenticate" in response.headers
        if response.is_redirect or challenged or status >= 500:
            return
        try:
            json.loads(response.text)
        except ValueError:
            host = urlsplit(response.url).hostname
            told = f"{host} answers with status {status} and what is not JSON"
            if response.ok or status in _PASSING:
                raise UnavailableError(_SERVICE, f"{told}; try later") from None
            raise SignInError(
                _SERVICE, f"{told}; check the tenant, the cloud and the proxy"
            ) from None

    session = requests.Session()
    session.hooks["response"].append(check)
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=1))
    return session


def _application(directory: _Directory, client_id: str, credential: str | dict[str, str]) -> SignIn:
    kept = directory.load()

    @functools.cache
    def app() -> Any:
        kind = "ConfidentialClientApplication"
        return directory.app(kind, client_id, kept, client_credential=credential)

    def acquire(claims: str | None, stale: bool) -> _Answer:  # noqa: FBT001 # ours
        if stale:
            app().remove_tokens_for_client()
        answer = app().acquire_token_for_client(directory.scopes, claims_challenge=claims)
        directory.save(kept)
        return dict(answer)

    return SignIn(f"application {client_id}", acquire)


def _person(
    directory: _Directory, client_id: str, ask: Callable[[Any, list[str], str | None], _Answer]
) -> SignIn:
    kept = directory.load()

    @functools.cache
    def app() -> Any:
        return directory.app("PublicClientApplication", client_id, kept)

    def acquire(claims: str | None, stale: bool) -> _Answer:  # noqa: FBT001 # ours
        answer = None
        for account in app().get_accounts()[:1]:
            answer = app().acquire_token_silent(
                directory.scopes, account, claims_challenge=claims, force_refresh=stale
            )
        answer = answer or ask(app(), directory.scopes, claims)
        directory.save(kept)
        return dict(answer)

    return SignIn(f"a person, by application {client_id}", acquire)


def _msal() -> Any:
    try:
        import msal  # type: ignore[import-untyped] # noqa: PLC0415 # an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("signing in", "hunting") from error
    return msal

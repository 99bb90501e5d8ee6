"""Signing in: the endpoints of an authority, and of a machine's managed identity."""

import base64
import hashlib
import html
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from exconn.testing import faults
from exconn.testing._http import Reply, Request, Service, as_json
from exconn.testing._tokens import Tokens, new_secret
from exconn.testing.faults import Fault

PATH = re.compile(r"/([^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/\w+)")
IDENTITY = "/metadata/identity/oauth2/token"
APP_SERVICE = "/msi/token"

_GRAPH = "https://graph.microsoft.com"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PERSON = "6b1d0d0c-1111-4bbb-8ccc-00000000000a"
_CODES = {400: "invalid_request", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
_FORM = """<!DOCTYPE html><html><body onload="document.forms[0].submit()">
<form method="POST" action="{action}">{inputs}</form></body></html>"""


def failure(status: int, message: str, error: str = "", code: int = 90000) -> Reply:
    """An error of the authority."""
    said = {
        "error": error or _CODES.get(status, "server_error"),
        "error_description": f"AADSTS{code}: {message}",
        "error_codes": [code],
        "correlation_id": "1d9d5cd2-5e0c-4a0a-9a9b-6a0f6ad1b0c5",
    }
    return as_json(said, status)


def fault_reply(fault: Fault) -> Reply | None:
    """How the authority words a fault; None if that is no matter of words."""
    match fault:
        case faults.Throttled() | faults.QuotaExceeded():
            return failure(429, "Too many requests.")
        case faults.Forbidden():
            return failure(400, "The application may not do this.", "unauthorized_client", 700016)
        case faults.TimedOut():
            return failure(504, "The request timed out.")
        case faults.Failed(status):
            return failure(status, f"The authority failed with status {status}.")
    return None


SERVICE = Service((), failure, fault_reply)


@frozen
class _Grant:
    """What a person has agreed to, and where the code that stands for it is presented."""

    scope: str
    nonce: str = ""
    challenge: str = ""
    redirect: str = ""
    polls: int = 0


class Authority:
    """Where an application signs in, as itself or for a person who agrees to everything.

    Args:
        tokens: which it issues.
        tenant: the tenant's id.
        client: the application's id.
        secret: the application's secret.
        certificate: a file with the application's key and certificate.
        polls: how often a device is told to wait for the person.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        tenant: str,
        client: str,
        secret: str,
        certificate: Callable[[], Path],
        polls: int,
    ) -> None:
        self.identity_header = new_secret()
        self._tokens = tokens
        self._tenant = tenant
        self._client = client
        self._secret = secret
        self._certificate = certificate
        self._polls = polls
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request, url: str) -> Reply:
        """What the authority at a URL says to a request."""
        if request.path in (IDENTITY, APP_SERVICE):
            return self._identity(request)
        found = PATH.fullmatch(request.path)
        assert found
        tenant, endpoint = found.groups()
        if tenant not in (self._tenant, "organizations"):
            return failure(400, f"Tenant '{tenant}' not found.", "invalid_tenant", 90002)
        base = f"{url}/{tenant}"
        match request.method, endpoint.rpartition("/")[2]:
            case "GET", "openid-configuration":
                return _configuration(base)
            case "GET", "authorize":
                return self._page(request.query)
            case "POST", "devicecode":
                return self._device(request.form.get("scope", ""), base)
            case "POST", "token":
                return self._token(request.form, f"{base}/oauth2/v2.0/token")
        return failure(404, "No such endpoint.")

    def _device(self, scope: str, base: str) -> Reply:
        """A code for a device, and what to tell its user."""
        code = self._agreed(_Grant(scope, polls=self._polls))
        return as_json(
            {
                "device_code": code,
                "user_code": "EXCONN123",
                "verification_uri": f"{base}/device",
                "expires_in": 900,
                "interval": 0,
                "message": f"To sign in, open {base}/device and enter the code EXCONN123.",
            }
        )

    def _page(self, asked: Mapping[str, str]) -> Reply:
        """What a browser shows after the person has agreed: a form that posts the code."""
        grant = _Grant(
            asked.get("scope", ""),
            nonce=asked.get("nonce", ""),
            challenge=asked.get("code_challenge", ""),
            redirect=asked.get("redirect_uri", ""),
        )
        fields = {"code": self._agreed(grant), "state": asked.get("state", "")}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        body = _FORM.format(action=html.escape(grant.redirect), inputs=inputs)
        return Reply(200, body.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _token(self, form: Mapping[str, str], endpoint: str) -> Reply:
        """A token, if the application or the person may have it."""
        if form.get("client_id") != self._client:
            return failure(400, "No such application.", "unauthorized_client", 700016)
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_application(form, endpoint)
            case "authorization_code":
                grant = self._taken(form.get("code", ""))
                if not grant or not _same_person(form, grant):
                    return failure(400, "The code is not valid.", "invalid_grant", 70008)
                return self._for_person(grant, form)
            case "refresh_token":
                grant = self._taken(form.get("refresh_token", ""))
                if not grant:
                    return failure(400, "The token has expired.", "invalid_grant", 700082)
                return self._for_person(grant, form)
            case kind if kind == _DEVICE:
                return self._for_device(form)
        return failure(400, "No such grant.", "unsupported_grant_type", 70003)

    def _for_application(self, form: Mapping[str, str], endpoint: str) -> Reply:
        scope = form.get("scope", "")
        if not self._proven(form, endpoint):
            return failure(401, "Invalid client secret.", "invalid_client", 7000215)
        if not scope.endswith("/.default"):
            return failure(400, "The scope is not valid.", "invalid_scope", 1002012)
        return as_json(self._issued(scope, form.get("claims", "")))

    def _for_device(self, form: Mapping[str, str]) -> Reply:
        code = form.get("device_code", "")
        grant = self._taken(code)
        if not grant:
            return failure(400, "The code has expired.", "expired_token", 70020)
        if grant.polls:
            self._agreed(evolve(grant, polls=grant.polls - 1), code)
            return failure(400, "Still waiting.", "authorization_pending", 70016)
        return self._for_person(grant, form)

    def _for_person(self, grant: _Grant, form: Mapping[str, str]) -> Reply:
        now = int(time.time())
        scope = form.get("scope") or grant.scope
        person = {
            "aud": self._client,
            "iss": f"https://login.microsoftonline.com/{self._tenant}/v2.0",
            "iat": now,
            "exp": now + 3600,
            "oid": _PERSON,
            "sub": _PERSON,
            "tid": self._tenant,
            "preferred_username": "analyst@contoso.example",
            "nonce": grant.nonce,
        }
        issued = self._issued(scope, form.get("claims", "")) | {
            "scope": scope,
            "refresh_token": self._agreed(_Grant(scope)),
            "id_token": f"{_coded({'alg': 'none'})}.{_coded(person)}.",
            "client_info": _coded({"uid": _PERSON, "utid": self._tenant}),
        }
        return as_json(issued)

    def _identity(self, request: Request) -> Reply:
        """A token for the machine or the app that runs here."""
        if request.path == APP_SERVICE:
            known = request.headers.get("x-identity-header") == self.identity_header
        else:
            known = request.headers.get("metadata", "").lower() == "true"
        resource = request.query.get("resource", "")
        if not known or not resource:
            return failure(400, "Required metadata header not specified.")
        found = self._issued(f"{resource}/.default", "")
        seconds = int(self._tokens.lifetime)
        return as_json(
            {
                "access_token": found["access_token"],
                "client_id": self._client,
                "expires_in": str(seconds),
                "expires_on": str(int(time.time()) + seconds),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _issued(self, scope: str, claims: str) -> dict[str, Any]:
        seconds = int(self._tokens.lifetime)
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._tokens.issue(_audience(scope), claims),
        }

    def _proven(self, form: Mapping[str, str], url: str) -> bool:
        """Whether the application has shown its secret, or what its certificate has signed."""
        if form.get("client_assertion_type") == _ASSERTION:
            return _signed(form.get("client_assertion", ""), self._client, url, self._certificate())
        return secrets.compare_digest(form.get("client_secret", ""), self._secret)

    def _agreed(self, grant: _Grant, code: str = "") -> str:
        code = code or new_secret()
        with self._lock:
            self._grants[code] = grant
        return code

    def _taken(self, code: str) -> _Grant | None:
        with self._lock:
            return self._grants.pop(code, None)


def _configuration(base: str) -> Reply:
    v2 = f"{base}/oauth2/v2.0"
    return as_json(
        {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{v2}/authorize",
            "token_endpoint": f"{v2}/token",
            "device_authorization_endpoint": f"{v2}/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def _audience(scope: str) -> str:
    """For whom a token is: what stands before the last part of the first scope that is a URL."""
    urls = [each for each in scope.split() if "://" in each]
    return re.sub(r"/+[^/]*$", "", urls[0]) if urls else _GRAPH


def _same_person(form: Mapping[str, str], grant: _Grant) -> bool:
    """Whether a code comes back from where it was sent to, with the proof of who asked for it."""
    proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
    return form.get("redirect_uri") == grant.redirect and grant.challenge in ("", challenge)


def _signed(assertion: str, client: str, url: str, certificate: Path) -> bool:
    """Whether an assertion is of this application, for this endpoint, and signed by its key."""
    from cryptography import x509  # noqa: PLC0415 # comes with trustme
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 # comes with trustme
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 # comes with trustme
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 # the same

    held = x509.load_pem_x509_certificate(certificate.read_bytes())
    signed, _, signature = assertion.rpartition(".")
    try:
        head, said = (json.loads(_decoded(part)) for part in signed.split("."))
        thumbprints = {
            "x5t": _coded_bytes(held.fingerprint(hashes.SHA1())),  # noqa: S303 - as the protocol has it
            "x5t#S256": _coded_bytes(held.fingerprint(hashes.SHA256())),
        }
        key = held.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        scheme = (
            padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            if head["alg"] == "PS256"
            else padding.PKCS1v15()
        )
        key.verify(_decoded(signature), signed.encode(), scheme, hashes.SHA256())
    except (InvalidSignature, ValueError, LookupError):
        return False
    return (
        any(head.get(name, "").rstrip("=") == known for name, known in thumbprints.items())
        and (said["iss"], said["sub"], said["aud"]) == (client, client, url)
        and said["exp"] > time.time()
    )


def _coded(value: Mapping[str, object]) -> str:
    return _coded_bytes(json.dumps(value).encode())


def _coded_bytes(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

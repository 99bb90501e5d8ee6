"""Tokens: who may ask, for how long, and with which claims."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Collection
from typing import Any, Literal

from attrs import frozen

from exconn.testing._http import Request

Verdict = Literal["fine", "missing", "invalid", "expired", "audience", "claims"]


@frozen
class _Issued:
    audience: str
    claims: str
    until: float


class Tokens:
    """The tokens that a tenant has issued.

    Args:
        lifetime: seconds.
    """

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self.demanded = ""
        self._issued: dict[str, _Issued] = {}
        self._lock = threading.Lock()

    def issue(self, audience: str = "", claims: str = "") -> str:
        """A token that holds from now on. Without an audience it is for every service."""
        token = new_secret()
        with self._lock:
            self._issued[token] = _Issued(audience, claims, time.monotonic() + self.lifetime)
        return token

    def revoke(self) -> None:
        """End all tokens that were issued so far."""
        with self._lock:
            self._issued = {
                token: _Issued(held.audience, held.claims, until=float("-inf"))
                for token, held in self._issued.items()
            }

    def judge(self, request: Request, audiences: Collection[str]) -> Verdict:
        """Whether a request's token holds for a service."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return "missing"
        with self._lock:
            held = self._issued.get(token.strip())
        if held is None:
            return "invalid"
        if held.until <= time.monotonic():
            return "expired"
        if held.audience and held.audience.rstrip("/") not in audiences:
            return "audience"
        if not _within(_read(self.demanded), _read(held.claims)):
            return "claims"
        return "fine"

    def challenge(self, verdict: Verdict, login: str) -> str:
        """The header WWW-Authenticate that goes with a refusal."""
        header = f'Bearer realm="", authorization_uri="{login}/oauth2/v2.0/authorize"'
        if verdict == "claims":
            claims = base64.b64encode(self.demanded.encode()).decode()
            header += f', error="insufficient_claims", claims="{claims}"'
        elif verdict != "missing":
            header += ', error="invalid_token"'
        return header


def new_secret() -> str:
    """Something that nobody else knows, and that can be searched for where it must not be."""
    return f"loopback.{secrets.token_urlsafe(32)}"


def _read(claims: str) -> Any:
    return json.loads(claims) if claims else {}


def _within(wanted: Any, had: Any) -> bool:
    """Whether all that is wanted was asked for; other things may be too."""
    if not isinstance(wanted, dict):
        return bool(wanted == had)
    held = had if isinstance(had, dict) else {}
    return all(name in held and _within(value, held[name]) for name, value in wanted.items())

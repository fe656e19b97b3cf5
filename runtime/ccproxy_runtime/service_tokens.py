"""Who calls, by the Kubernetes ServiceAccount token that the caller shows: verified here, without the API server.

Only signatures of the cluster's own keys count (RS256, ES256; a token cannot choose another way), for one audience.
Why a token is not good is a value, never the token. Must not fetch keys: `issuer_keys.py` does.
Next: `back_off.py`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Literal

import jwt
import msgspec
from jwt.types import Options

from ccproxy_runtime.issuer_keys import IssuerKeys, Published

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
LEEWAY_S = 10.0
"""How far the clocks of two nodes may differ."""
MAX_TOKEN_CHARACTERS = 8 * 1024
KEPT = 8192
"""Verified tokens that are remembered; one costs 0.13 ms to verify, which is more than to take a batch."""

Reason = Literal[
    "no_token", "malformed", "algorithm", "unknown_key", "signature", "issuer", "audience", "expired",
    "not_yet_valid", "no_service_account", "no_keys",
]  # fmt: skip
"""`no_keys` is our trouble (the API server has not been reached yet), all others are the caller's."""


class ServiceToken(msgspec.Struct, frozen=True):
    """What a good token says. `pod` and `pod_uid` are empty for a token that is bound to no pod."""

    namespace: str
    service_account: str
    pod: str
    pod_uid: str
    expires_s: float
    """Unix seconds."""


class Unverified(msgspec.Struct, frozen=True):
    """Why a caller is nobody."""

    reason: Reason


class SigningKeys(msgspec.Struct, frozen=True):
    """The keys of one issuer by their id, each with the only algorithm that it signs by."""

    issuer: str
    by_id: Mapping[str, jwt.PyJWK]


def signing_keys(published: Published) -> SigningKeys:
    """The usable ones of what an API server published; keys of other algorithms are left out."""
    found: dict[str, jwt.PyJWK] = {}
    for one in published.keys:
        try:
            key = jwt.PyJWK(dict(one))
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if key.key_id and key.algorithm_name in ALGORITHMS:
            found[key.key_id] = key
    return SigningKeys(published.issuer, found)


def verified(token: str, *, audience: str, keys: SigningKeys, now_s: float) -> ServiceToken | Unverified:
    """Judge one token at the Unix time `now_s`. Pure."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        return Unverified("malformed")
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        return Unverified("malformed")
    if head.get("alg") not in ALGORITHMS:
        return Unverified("algorithm")
    key = keys.by_id.get(str(head.get("kid")))
    if key is None:
        return Unverified("unknown_key")
    if head["alg"] != key.algorithm_name:
        return Unverified("algorithm")
    return _judged(token, key, audience=audience, issuer=keys.issuer, now_s=now_s)


class TokenVerifier:
    """Judges the `Authorization` header of every request; a token that was good is looked at once, not each time."""

    def __init__(self, keys: IssuerKeys, *, audience: str, clock_s: Callable[[], float], kept: int = KEPT) -> None:
        """`clock_s` answers Unix seconds; `kept` is how many good tokens are remembered."""
        self._keys = keys
        self._audience = audience
        self._clock_s = clock_s
        self._kept = kept
        self._published: Published | None = None
        self._signing: SigningKeys | None = None
        self._known: OrderedDict[bytes, ServiceToken] = OrderedDict()

    async def verify(self, authorization: str | None) -> ServiceToken | Unverified:
        """Who sent this header. A key that is not known here is asked for, at most every few seconds."""
        token = bearer(authorization)
        if not token:
            return Unverified("no_token")
        answer = self._verify(token)
        if isinstance(answer, Unverified) and answer.reason in ("unknown_key", "no_keys"):
            await self._keys.look_again()
            answer = self._verify(token)
        return answer

    @property
    def remembered(self) -> int:
        """How many good tokens are remembered now."""
        return len(self._known)

    def _verify(self, token: str) -> ServiceToken | Unverified:
        self._follow_keys()
        if self._signing is None:
            return Unverified("no_keys")
        now_s, name = self._clock_s(), hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(name)
        if known is not None and now_s < known.expires_s:
            return known
        answer = verified(token, audience=self._audience, keys=self._signing, now_s=now_s)
        if isinstance(answer, ServiceToken):
            self._known[name] = answer
            if len(self._known) > self._kept:
                self._known.popitem(last=False)
        return answer

    def _follow_keys(self) -> None:
        """New keys: forget all that was good, for a key may have been withdrawn."""
        if self._published is not self._keys.published:
            self._published = self._keys.published
            self._signing = signing_keys(self._published) if self._published is not None else None
            self._known.clear()


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer` header; empty without one."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class _Named(msgspec.Struct, frozen=True):
    name: str
    uid: str = ""


class _Bound(msgspec.Struct, frozen=True):
    namespace: str
    serviceaccount: _Named
    pod: _Named | None = None


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    exp: float
    bound: _Bound = msgspec.field(name="kubernetes.io")
    nbf: float = 0.0


_FAULTS: tuple[tuple[type[jwt.PyJWTError], Reason], ...] = (
    (jwt.InvalidSignatureError, "signature"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidIssuerError, "issuer"),
)
_OPTIONS: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["aud", "iss", "exp"]}
"""Times are judged below, by the clock that the caller hands in."""


def _judged(token: str, key: jwt.PyJWK, *, audience: str, issuer: str, now_s: float) -> ServiceToken | Unverified:
    try:
        said = jwt.decode(
            token, key, algorithms=[key.algorithm_name], audience=audience, issuer=issuer, options=_OPTIONS
        )
    except jwt.PyJWTError as fault:
        return Unverified(next((reason for kind, reason in _FAULTS if isinstance(fault, kind)), "malformed"))
    except ValueError:
        return Unverified("malformed")
    try:
        claims = msgspec.convert(said, _Claims)
    except msgspec.ValidationError:
        return Unverified("no_service_account")
    return _in_time(claims, now_s)


def _in_time(claims: _Claims, now_s: float) -> ServiceToken | Unverified:
    bound = claims.bound
    if claims.sub != f"system:serviceaccount:{bound.namespace}:{bound.serviceaccount.name}" or not bound.namespace:
        return Unverified("no_service_account")
    if now_s >= claims.exp + LEEWAY_S:
        return Unverified("expired")
    if now_s < claims.nbf - LEEWAY_S:
        return Unverified("not_yet_valid")
    pod = bound.pod or _Named("")
    return ServiceToken(bound.namespace, bound.serviceaccount.name, pod.name, pod.uid, claims.exp)

"""Only a token of this cluster, for this audience, at this time, is somebody."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.issuer_keys import IssuerKeys, Published
from ccproxy_runtime.service_tokens import (
    LEEWAY_S,
    ServiceToken,
    TokenVerifier,
    Unverified,
    signing_keys,
    verified,
)
from tests.runtime.issuing import ISSUER, POD_UID, Key, claims, publishing, signed

NOW_S = 1_795_000_000.0
AUDIENCE = "ccproxy-ledger"
RSA, EC, STRANGER = Key("rsa"), Key("ec", "ES256"), Key("rsa")
KEYS = signing_keys(Published(ISSUER, (RSA.published, EC.published)))


def judged(token: str, *, now_s: float = NOW_S) -> ServiceToken | Unverified:
    return verified(token, audience=AUDIENCE, keys=KEYS, now_s=now_s)


def good(**changes: Any) -> dict[str, Any]:
    return {**claims(audience=AUDIENCE, now_s=NOW_S), **changes}


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
def test_a_good_token_says_who_calls(key: Key) -> None:
    assert judged(signed(good(), key)) == ServiceToken("team-a", "coder", "coder-1", POD_UID, NOW_S + 3600)


def test_a_token_that_is_bound_to_no_pod_names_none() -> None:
    said = claims(audience=AUDIENCE, account="ccproxy-reader", pod="", now_s=NOW_S)
    assert judged(signed(said, RSA)) == ServiceToken("team-a", "ccproxy-reader", "", "", NOW_S + 3600)


def test_a_token_for_several_audiences_is_good_for_each() -> None:
    assert isinstance(judged(signed(good(aud=["another", AUDIENCE]), RSA)), ServiceToken)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": ["ccproxy-config"]}, "audience"),
        ({"aud": []}, "malformed"),
        ({"aud": None}, "malformed"),
        ({"iss": "https://another.cluster"}, "issuer"),
        ({"exp": NOW_S - LEEWAY_S}, "expired"),
        ({"exp": "soon"}, "no_service_account"),
        ({"exp": None}, "malformed"),
        ({"nbf": NOW_S + LEEWAY_S + 1}, "not_yet_valid"),
        ({"sub": "system:serviceaccount:team-b:coder"}, "no_service_account"),
        ({"sub": "alice"}, "no_service_account"),
        ({"kubernetes.io": {"namespace": "", "serviceaccount": {"name": "coder"}}}, "no_service_account"),
        ({"kubernetes.io": "team-a"}, "no_service_account"),
    ],
)
def test_a_token_that_does_not_fit_is_refused_with_a_reason(change: dict[str, Any], reason: str) -> None:
    said = {name: value for name, value in good(**change).items() if value is not None}
    assert judged(signed(said, RSA)) == Unverified(reason)  # type: ignore[arg-type]  # the table holds plain strings


def test_clocks_of_two_nodes_may_differ_a_little() -> None:
    token = signed(good(), RSA)
    assert isinstance(judged(token, now_s=NOW_S + 3600 + LEEWAY_S - 1), ServiceToken)
    assert isinstance(judged(token, now_s=NOW_S - LEEWAY_S), ServiceToken)


def test_a_signature_of_a_stranger_with_our_keys_name_is_refused() -> None:
    assert judged(signed(good(), STRANGER)) == Unverified("signature")


def test_a_key_that_the_cluster_does_not_publish_is_unknown() -> None:
    assert judged(signed(good(), Key("unpublished", "ES256"))) == Unverified("unknown_key")


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(alg: str, signature: str = "") -> str:
    return f"{_part({'alg': alg, 'kid': 'rsa', 'typ': 'JWT'})}.{_part(good())}.{signature}"


def _public_key_as_secret() -> str:
    """The classic: sign by HMAC with the published key, and hope that the verifier takes it for a secret."""
    head = _part({"alg": "HS256", "kid": "rsa", "typ": "JWT"})
    signing_input = f"{head}.{_part(good())}".encode()
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(hmac.sign(signing_input, RSA.public_pem().encode())).decode().rstrip("=")
    return f"{signing_input.decode()}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        _unsigned("none"),
        _unsigned("None"),
        _public_key_as_secret(),
        _unsigned("RS512", "AAAA"),
        _unsigned("PS256", "AAAA"),
    ],
    ids=["none", "None", "HS256", "RS512", "PS256"],
)
def test_a_token_cannot_choose_how_it_is_verified(token: str) -> None:
    assert judged(token) == Unverified("algorithm")


def test_a_key_signs_by_its_own_algorithm_only() -> None:
    token = _unsigned("ES256", signed(good(), EC).rpartition(".")[2])
    assert judged(token) == Unverified("algorithm")


def test_keys_of_other_kinds_are_left_out() -> None:
    odd: tuple[dict[str, object], ...]
    odd = ({"kty": "oct", "kid": "s", "k": "c2VjcmV0"}, {"kty": "RSA"}, {"kid": 4}, {}, {"kty": "EC", "crv": "P-521"})
    assert set(signing_keys(Published(ISSUER, (*odd, RSA.published))).by_id) == {"rsa"}


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_text_is_somebody_and_none_breaks_the_verifier(text: str) -> None:
    assert isinstance(judged(text), Unverified)


_GOOD = signed(good(), RSA)


@given(st.integers(0, len(_GOOD) - 1), st.sampled_from("AbZ09-_.~"))
def test_no_changed_character_leaves_a_token_somebody_else(place: int, character: str) -> None:
    changed = _GOOD[:place] + character + _GOOD[place + 1 :]
    answer = judged(changed)
    assert isinstance(answer, Unverified) or answer == judged(_GOOD)  # the last character has bits that mean nothing


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def header(said: dict[str, Any], key: Key) -> str:
    return f"Bearer {signed(said, key)}"


async def test_a_token_is_remembered_until_it_expires_and_no_longer(tmp_path: Path) -> None:
    clock = Clock()
    async with publishing(tmp_path, RSA) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=clock)
        verifier = TokenVerifier(keys, audience=AUDIENCE, clock_s=clock)
        shown = header(good(), RSA)
        first = await verifier.verify(shown)
        assert isinstance(first, ServiceToken)
        assert await verifier.verify(shown) is first
        clock.now_s += 3600 + LEEWAY_S
        assert await verifier.verify(shown) == Unverified("expired")


async def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(tmp_path: Path) -> None:
    clock = Clock()
    async with publishing(tmp_path, RSA, EC) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=clock)
        verifier = TokenVerifier(keys, audience=AUDIENCE, clock_s=clock)
        shown = header(good(), RSA)
        assert isinstance(await verifier.verify(shown), ServiceToken)
        api.keys.remove(RSA)
        assert await keys.refresh()
        assert await verifier.verify(shown) == Unverified("unknown_key")


async def test_a_new_key_is_asked_for_at_once_but_not_for_every_stranger(tmp_path: Path) -> None:
    clock = Clock()
    async with publishing(tmp_path, RSA) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=clock)
        verifier = TokenVerifier(keys, audience=AUDIENCE, clock_s=clock)
        assert isinstance(await verifier.verify(header(good(), RSA)), ServiceToken)
        api.keys.append(EC)
        clock.now_s += 5
        assert isinstance(await verifier.verify(header(good(), EC)), ServiceToken)
        unknown = header(good(), Key("unknown", "ES256"))
        for _ in range(20):
            assert await verifier.verify(unknown) == Unverified("unknown_key")
        assert api.asked == 2
        clock.now_s += 5
        assert await verifier.verify(unknown) == Unverified("unknown_key")
        assert api.asked == 3


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
async def test_without_a_bearer_token_nobody_calls(tmp_path: Path, shown: str | None) -> None:
    async with publishing(tmp_path, RSA) as api:
        verifier = TokenVerifier(IssuerKeys(api.server, kept=None, clock_s=Clock()), audience=AUDIENCE, clock_s=Clock())
        assert await verifier.verify(shown) == Unverified("no_token")
        assert api.asked == 0


async def test_without_keys_the_fault_is_ours(tmp_path: Path) -> None:
    async with publishing(tmp_path, RSA) as api:
        api.down = True
        verifier = TokenVerifier(IssuerKeys(api.server, kept=None, clock_s=Clock()), audience=AUDIENCE, clock_s=Clock())
        assert await verifier.verify(header(good(), RSA)) == Unverified("no_keys")


async def test_a_verifier_never_remembers_more_than_its_bound(tmp_path: Path) -> None:
    async with publishing(tmp_path, EC) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=Clock())
        verifier = TokenVerifier(keys, audience=AUDIENCE, clock_s=Clock(), kept=3)
        for number in range(6):
            assert isinstance(await verifier.verify(header(good(jti=str(number)), EC)), ServiceToken)
        assert verifier.remembered == 3

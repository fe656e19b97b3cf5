"""Which headers cross the proxy, in both directions."""

from __future__ import annotations

from multidict import CIMultiDict

from ccproxy_contract.snapshot import Backend, Credential
from ccproxy_sidecar.upstream.headers import downstream_headers, upstream_headers


def backend(kind: str = "Key", headers: dict[str, str] | None = None) -> Backend:
    credential = Credential(kind="PassThrough") if kind == "PassThrough" else Credential(kind="Key", key="k")
    return Backend(
        name="b", provider="OpenAI", url="http://x/v1", dialects=("openai-chat",), credential=credential,
        headers=headers or {},
    )  # fmt: skip


def test_hop_by_hop_headers_end_here_also_those_that_connection_names() -> None:
    sent = CIMultiDict({"Connection": "close, X-Hop", "X-Hop": "1", "TE": "trailers", "X-Kept": "2", "Upgrade": "h2c"})
    assert set(upstream_headers(sent, backend(), ())) == {"X-Kept", "accept-encoding"}


def test_the_backends_key_replaces_every_key_of_the_client() -> None:
    sent = CIMultiDict({"X-API-Key": "mine", "Authorization": "Bearer mine", "x-goog-api-key": "mine", "api-key": "m"})
    got = upstream_headers(sent, backend(), (("authorization", "Bearer theirs"),))
    assert dict(got) == {"accept-encoding": "identity", "authorization": "Bearer theirs"}


def test_pass_through_keeps_the_clients_own_key() -> None:
    got = upstream_headers(CIMultiDict({"X-API-Key": "mine"}), backend("PassThrough"), ())
    assert got["x-api-key"] == "mine"


def test_betas_and_unknown_headers_are_kept_and_repeats_stay_repeats() -> None:
    sent = CIMultiDict([("anthropic-beta", "a"), ("anthropic-beta", "b"), ("X-New", "1")])
    got = upstream_headers(sent, backend(), ())
    assert got.getall("anthropic-beta") == ["a", "b"]
    assert got["x-new"] == "1"


def test_a_name_spelt_in_two_ways_stays_two_headers_of_one_spelling() -> None:
    sent = CIMultiDict([("X-Twice", "a"), ("x-twice", "b")])
    assert list(upstream_headers(sent, backend(), ()).items())[:2] == [("X-Twice", "a"), ("X-Twice", "b")]


def test_ccproxys_own_headers_do_not_reach_a_provider_nor_come_from_one() -> None:
    assert "x-ccproxy-session" not in upstream_headers(CIMultiDict({"x-ccproxy-session": "s"}), backend(), ())
    got = downstream_headers(CIMultiDict({"x-ccproxy-rule": "forged"}), [("x-ccproxy-rule", "true")])
    assert got.getall("x-ccproxy-rule") == ["true"]


def test_a_backends_headers_win_over_the_clients() -> None:
    got = upstream_headers(CIMultiDict({"X-Team": "client"}), backend(headers={"x-team": "policy"}), ())
    assert got.getall("x-team") == ["policy"]


def test_answers_lose_only_their_framing() -> None:
    answered = CIMultiDict({"Content-Length": "3", "Transfer-Encoding": "chunked", "a-id": "r", "retry-after": "1"})
    assert dict(downstream_headers(answered, [])) == {"a-id": "r", "retry-after": "1"}

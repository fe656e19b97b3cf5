"""Keys of a cluster: only from Secrets that were given free, only to hosts that were named, never in a message."""

from __future__ import annotations

from typing import Any

import pytest

from ccproxy_contract.snapshot import Credential
from tests.policy.cluster_writing import SECRET_VALUE, compiled, keyed, secret

HEAD = "ModelBackend a/b: spec.credentials.secretRef"


def _told(spec: dict[str, Any], made: dict[str, Any] | None) -> list[tuple[str, str]]:
    found = compiled(keyed("b", spec), *([made] if made else []))
    assert bool(found.backends) != bool(found.problems)
    assert all(problem.condition == "ResolvedRefs" for problem in found.problems)
    return [(problem.reason, problem.text) for problem in found.problems]


def test_a_secret_with_the_label_is_used() -> None:
    found = compiled(keyed("b"), secret())

    assert found.problems == ()
    assert found.backends["b"].credential == Credential(kind="Key", key=SECRET_VALUE)


def test_a_secret_that_is_not_there_is_named() -> None:
    assert _told({}, None) == [
        ("SecretNotFound", f"{HEAD}.name: there is no Secret `keys` with the label ccproxy.ai/credentials=true in "
         "namespace `a`; make it, or give it the label: "
         "kubectl label secret keys -n a ccproxy.ai/credentials=true --overwrite")
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["", "false", "True"])
def test_a_secret_without_the_label_is_not_used(label: str) -> None:
    assert _told({}, secret(label=label)) == [
        ("SecretNotLabelled", f"{HEAD}.name: Secret `keys` is not given free for ccproxy; run: "
         "kubectl label secret keys -n a ccproxy.ai/credentials=true --overwrite")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://gw.example.com/v1", "gw.example.com"),
        ("https://gw.example.com/v1", "GW.example.com"),
        ("https://gw.example.com/v1", "other.example.com, gw.example.com:443 ,"),
        ("https://gw.example.com:8443", "gw.example.com"),
        ("https://gw.example.com:8443", "gw.example.com:8443"),
        ("https://[fd00::1]:8443", "[fd00::1]:8443"),
        ("https://[fd00::1]", "fd00::1"),
        ("https://api.anthropic.com/other", ""),
        ("https://API.anthropic.com", ""),
    ],
)
def test_a_key_goes_to_the_providers_own_host_and_to_those_named(url: str, hosts: str) -> None:
    assert _told({"endpoint": {"url": url}}, secret(hosts=hosts)) == []


@pytest.mark.parametrize(
    ("provider", "url", "hosts", "asked", "pair"),
    [
        ("Anthropic", "https://gw.example.com/v1", "", "gw.example.com", "ccproxy.ai/hosts=gw.example.com"),
        ("Anthropic", "https://gw.example.com:8443", "gw.example.com:443", "gw.example.com:8443",
         "ccproxy.ai/hosts=gw.example.com:443,gw.example.com:8443"),
        ("Anthropic", "https://api.anthropic.com.evil.example", "a.example", "api.anthropic.com.evil.example",
         "ccproxy.ai/hosts=a.example,api.anthropic.com.evil.example"),
        ("Anthropic", "https://gw.example.com", "example.com", "gw.example.com",
         "ccproxy.ai/hosts=example.com,gw.example.com"),
        ("Anthropic", "https://[fd00::1]:8443", "", "[fd00::1]:8443", "'ccproxy.ai/hosts=[fd00::1]:8443'"),
        ("Anthropic", "https://gw.example.com", "x; rm -rf /", "gw.example.com",
         "'ccproxy.ai/hosts=x; rm -rf /,gw.example.com'"),
        ("Ollama", None, "", "127.0.0.1:11434", "ccproxy.ai/hosts=127.0.0.1:11434"),
        ("OpenAI", "http://127.0.0.1:9000", "", "127.0.0.1:9000", "ccproxy.ai/hosts=127.0.0.1:9000"),
    ],
)  # fmt: skip
def test_a_key_goes_nowhere_else(provider: str, url: str | None, hosts: str, asked: str, pair: str) -> None:
    spec: dict[str, Any] = {"provider": provider} | ({"endpoint": {"url": url}} if url else {})

    assert _told(spec, secret(hosts=hosts)) == [
        ("HostNotAllowed", f"{HEAD}.name: Secret `keys` may not be sent to `{asked}`; if that is meant, run: "
         f"kubectl annotate secret keys -n a {pair} --overwrite")
    ]  # fmt: skip


def test_the_command_in_the_message_fixes_it() -> None:
    spec = {"endpoint": {"url": "https://gw.example.com:8443/v1"}}
    ((_, text),) = _told(spec, secret(hosts="a.example"))
    hosts = text.split("ccproxy.ai/hosts=")[1].removesuffix(" --overwrite")

    assert _told(spec, secret(hosts=hosts)) == []


def test_a_very_long_list_of_hosts_is_not_repeated() -> None:
    ((reason, text),) = _told(
        {"endpoint": {"url": "https://gw.example.com"}}, secret(hosts=",".join(["h.example"] * 500))
    )

    assert reason == "HostNotAllowed"
    assert text.endswith("if that is meant, add `gw.example.com` to its annotation ccproxy.ai/hosts")


@pytest.mark.parametrize(
    ("made", "reason", "message"),
    [
        (secret(data={}), "SecretKeyMissing", "Secret `keys` has no `api-key`; add it, or write a key that it has"),
        (secret(data={"api-key": "%%%"}), "SecretValueInvalid",
         "`api-key` of Secret `keys` is not base64 of a text; write it again"),
        (secret(value=""), "SecretValueInvalid", "the value of `api-key` of Secret `keys` is empty; write the key"),
        (secret(value="two words"), "SecretValueInvalid",
         "the value of `api-key` of Secret `keys` cannot be sent in a header; write a key without spaces, line ends or "
         "other letters"),
        (secret(value="${HOME}"), "SecretValueInvalid",
         "`api-key` of Secret `keys` names a variable, which a cluster does not look up; write the key"),
    ],
)  # fmt: skip
def test_a_secret_without_a_good_value_is_told(made: dict[str, Any], reason: str, message: str) -> None:
    assert _told({}, made) == [(reason, f"{HEAD}.key: {message}")]


def test_a_line_end_behind_the_key_is_not_part_of_it() -> None:
    assert compiled(keyed("b"), secret(value="sk-1\n")).backends["b"].credential.key == "sk-1"


def test_what_we_run_ourselves_needs_no_key() -> None:
    spec = {"provider": "VLLM", "endpoint": {"url": "http://vllm.models.svc:8000/v1"}}
    made = keyed("b", spec)
    del made["spec"]["credentials"]
    found = compiled(made)

    assert found.problems == ()
    assert found.backends["b"].credential.kind == "None"


@pytest.mark.parametrize("value", ["sk-very-secret", "two sk-very-secret", "${sk-very-secret}"])
def test_no_value_is_ever_shown(value: str) -> None:
    for made in (secret(value=value), secret(value=value, label=""), secret(data={"other": value})):
        for spec in ({}, {"endpoint": {"url": "https://gw.example.com"}}):
            assert "sk-very-secret" not in repr(compiled(keyed("b", spec), made))

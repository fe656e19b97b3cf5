"""A placeholder key is no key, in whichever header or parameter it stands, and goes to no provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from ccproxy_contract.snapshot import Backend, Credential
from ccproxy_sidecar.providers.auth import CREDENTIAL_HEADERS, is_placeholder
from ccproxy_sidecar.providers.paths import KEY_PARAMETERS, safe_query
from ccproxy_sidecar.stages.authenticate import keys_from
from ccproxy_sidecar.upstream.headers import upstream_headers

PLACEHOLDERS = ("ccproxy", "Bearer ccproxy", "bearer  ccproxy ")
names = st.sampled_from(sorted(CREDENTIAL_HEADERS - {"proxy-authorization"})).flatmap(
    lambda name: st.sampled_from([name, name.title(), name.upper()])
)
values = st.sampled_from([*PLACEHOLDERS, "sk-real", "Bearer sk-real"])


def backend(kind: str) -> Backend:
    return Backend("b", "Anthropic", "https://api.test", ("anthropic-messages",), Credential(kind))  # type: ignore[arg-type]


@given(st.lists(st.tuples(names, values), max_size=8), st.sampled_from(["PassThrough", "Key", "None"]))
def test_no_header_carries_a_placeholder_upstream(sent: list[tuple[str, str]], kind: str) -> None:
    out = upstream_headers(CIMultiDict(sent), backend(kind), ())
    carried = [value for name, value in out.items() if name.lower() in CREDENTIAL_HEADERS]
    real = [value for _, value in sent if not is_placeholder(value)]
    assert sorted(carried) == (sorted(real) if kind == "PassThrough" else [])


@pytest.mark.parametrize("parameter", sorted(KEY_PARAMETERS))
@pytest.mark.parametrize("keep_key", [True, False])
def test_no_parameter_carries_a_placeholder_upstream(parameter: str, keep_key: bool) -> None:
    query = f"alt=sse&{parameter}=ccproxy&{parameter.replace('e', '%65')}=%63cproxy&{parameter}=sk-real"
    assert safe_query(query, keep_key=keep_key) == ("?alt=sse" + (f"&{parameter}=sk-real" if keep_key else ""))


def test_a_login_beside_a_placeholder_is_the_clients_key() -> None:
    sent = CIMultiDict({"authorization": "Bearer sk-ant-oat01-login", "x-api-key": "ccproxy"})
    assert [key for key in keys_from(sent) if not is_placeholder(key)] == ["sk-ant-oat01-login"]
    out = upstream_headers(sent, backend("PassThrough"), ())
    assert (out.get("authorization"), out.get("x-api-key")) == ("Bearer sk-ant-oat01-login", None)


def test_a_word_that_only_contains_it_is_a_key() -> None:
    assert not is_placeholder("ccproxy-team-key")
    assert safe_query("key=ccproxy2", keep_key=True) == "?key=ccproxy2"

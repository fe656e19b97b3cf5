"""The test that users run: its provider answers its caller, and what it makes is in order."""

from __future__ import annotations

import pytest

from ccproxy_contract.names import ANNOTATION_INJECT
from ccproxy_operator.smoke.caller import call
from ccproxy_operator.smoke.objects import job, secret
from ccproxy_operator.smoke.provider import provider
from ccproxy_operator.smoke.settings import settings_from_environment

ENVIRON = {"CCPROXY_NAMESPACE": "ccproxy-system", "CCPROXY_TEST_IMAGE": "registry.example/ccproxy-operator:1"}


async def test_the_provider_answers_the_caller() -> None:
    async with provider("127.0.0.1", 0) as port:
        assert await call(f"http://127.0.0.1:{port}/v1", "any") == 200


async def test_the_caller_tells_what_it_was_answered() -> None:
    async with provider("127.0.0.1", 0) as port:
        assert await call(f"http://127.0.0.1:{port}/elsewhere", "any") == 404


def test_the_pod_asks_for_a_sidecar_and_gets_its_address_from_it() -> None:
    template = job("t", settings_from_environment(ENVIRON))["spec"]["template"]
    assert template["metadata"]["annotations"] == {ANNOTATION_INJECT: "true"}
    assert template["spec"]["containers"][0]["args"] == ["$(OPENAI_BASE_URL)", "$(OPENAI_API_KEY)"]


def test_the_key_may_go_to_the_test_s_provider_alone() -> None:
    made = secret("t", settings_from_environment(ENVIRON))
    assert made["metadata"]["annotations"] == {"ccproxy.ai/hosts": "ccproxy-test.ccproxy-system.svc:8080"}


@pytest.mark.parametrize("name", ENVIRON)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        settings_from_environment({key: value for key, value in ENVIRON.items() if key != name})

"""What ccproxy itself says in each dialect: refusals, ends of streams, pings, model lists, by the SDKs' own types."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from anthropic.types import ModelInfo
from openai.types import Model as OpenAIModel
from openai.types.responses import Response, ResponseFailedEvent

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.dialect import Problem, ProblemKind
from ccproxy_sidecar.dialects.sse import Events
from ccproxy_sidecar.dialects.table import DIALECTS, locate
from tests.sidecar.dialects.grammar import check_responses

SPENT = Problem(status=429, kind="billing", message="The budget is spent.", retry_after_s=60, retryable=False)


def body_of(name: DialectName, problem: Problem) -> Any:
    return json.loads(DIALECTS[name].refusal(problem).body)


def test_a_spent_budget_has_the_answer_that_each_client_understands() -> None:
    assert body_of("anthropic-messages", SPENT) == {
        "type": "error",
        "error": {"type": "billing_error", "message": "The budget is spent."},
    }
    for name in ("openai-chat", "openai-responses", "openai-embeddings"):
        assert body_of(name, SPENT)["error"]["code"] == "insufficient_quota"
    assert body_of("gemini-generate", SPENT)["error"]["status"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_headers_say_when_and_whether_to_try_again(name: DialectName) -> None:
    refusal = DIALECTS[name].refusal(SPENT)
    assert refusal.status == 429
    assert dict(refusal.headers) == {"content-type": "application/json", "retry-after": "60", "x-should-retry": "false"}
    plain = DIALECTS[name].refusal(Problem(status=404, kind="not_found", message="no"))
    assert dict(plain.headers) == {"content-type": "application/json"}


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("kind", get_args(ProblemKind))
def test_every_problem_has_a_shape_with_its_message(name: DialectName, kind: ProblemKind) -> None:
    error = body_of(name, Problem(status=500, kind=kind, message="what to do"))["error"]
    assert error["message"] == "what to do"
    assert any(isinstance(value, str) and value and key != "message" for key, value in error.items())


def test_an_overloaded_house_is_529_for_messages_and_503_for_the_rest() -> None:
    problem = Problem(status=529, kind="overloaded", message="busy")
    statuses = {name: dialect.refusal(problem).status for name, dialect in DIALECTS.items()}
    assert statuses.pop("anthropic-messages") == 529
    assert set(statuses.values()) == {503}


def test_a_failed_response_fits_openais_own_type() -> None:
    dialect = DIALECTS["openai-responses"]
    broken = Problem(status=502, kind="internal", message="the provider ended the answer early")
    raw = dialect.stream_end(broken, dialect.answer(stream=True))
    assert check_responses(raw) == []
    last = json.loads(Events().feed(raw)[-1].data)
    event = ResponseFailedEvent.model_validate(last)
    assert event.response.status == "failed"
    Response.model_validate(last["response"])


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_ping_is_one_whole_event_without_meaning(name: DialectName) -> None:
    ping = DIALECTS[name].ping()
    assert ping.endswith(b"\n\n")
    answer = DIALECTS[name].answer(stream=True)
    assert answer.feed(ping) == ping
    assert (answer.started, answer.ended, answer.error, answer.unreadable) == (False, False, None, 0)


def test_model_lists_have_each_dialects_shape_and_limits() -> None:
    models = [Model(name="big", context_window=1_000_000, max_output_tokens=128_000), Model(name="small")]
    messages = json.loads(DIALECTS["anthropic-messages"].models(models, created_s=0))
    assert ModelInfo.model_validate(messages["data"][0]).id == "big"
    assert (messages["data"][0]["max_input_tokens"], messages["first_id"], messages["last_id"]) == (
        1_000_000,
        "big",
        "small",
    )
    chat = json.loads(DIALECTS["openai-chat"].models(models, created_s=7))
    assert OpenAIModel.model_validate(chat["data"][1]).created == 7
    assert (chat["data"][0]["context_window"], chat["data"][0]["max_output_tokens"]) == (1_000_000, 128_000)
    gemini = json.loads(DIALECTS["gemini-generate"].models(models, created_s=0))["models"]
    assert (gemini[0]["name"], gemini[0]["inputTokenLimit"], gemini[0]["outputTokenLimit"]) == (
        "models/big",
        1_000_000,
        128_000,
    )
    assert "inputTokenLimit" not in gemini[1]
    assert json.loads(DIALECTS["anthropic-messages"].models([], created_s=0))["data"] == []


GEMINI_HEADERS = {"x-goog-api-key": "k"}
ANTHROPIC_AGENT = {"x-api-key": "k", "user-agent": "Anthropic/Python"}
CLAUDE_HEADERS = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("POST", "/v1/messages", {}, ("anthropic-messages", "generate", None)),
        ("POST", "/messages", {}, ("anthropic-messages", "generate", None)),
        ("POST", "/v1/messages/count_tokens", {}, ("anthropic-messages", "count", None)),
        ("POST", "/v1/messages/batches", {}, ("anthropic-messages", "other", None)),
        ("POST", "/v1/chat/completions", {}, ("openai-chat", "generate", None)),
        ("POST", "/chat/completions", {}, ("openai-chat", "generate", None)),
        ("POST", "/v1/responses", {}, ("openai-responses", "generate", None)),
        ("POST", "/responses", {}, ("openai-responses", "generate", None)),
        ("POST", "/v1/responses/compact", {}, ("openai-responses", "generate", None)),
        ("GET", "/v1/responses/resp_1", {}, ("openai-responses", "other", None)),
        ("DELETE", "/v1/responses/resp_1", {}, ("openai-responses", "other", None)),
        ("GET", "/v1/responses/resp_1/input_items", {}, ("openai-responses", "other", None)),
        ("POST", "/v1/responses/resp_1/cancel", {}, ("openai-responses", "other", None)),
        ("POST", "/embeddings", {}, ("openai-embeddings", "embed", None)),
        ("POST", "/v1beta/models/gemini-3:generateContent", {}, ("gemini-generate", "generate", "gemini-3")),
        ("POST", "/v1/models/gemini-3:streamGenerateContent", {}, ("gemini-generate", "generate", "gemini-3")),
        ("POST", "/v1beta/models/a%2Fb%20c:countTokens", {}, ("gemini-generate", "count", "a/b c")),
        ("POST", "/v1beta/models/e:embedContent", {}, ("gemini-generate", "embed", "e")),
        ("POST", "/v1beta/models/e:batchEmbedContents", {}, ("gemini-generate", "embed", "e")),
        ("POST", "/v1beta/models/e:newVerb", {}, ("gemini-generate", "other", "e")),
        ("GET", "/v1beta/models", {}, ("gemini-generate", "models", None)),
        ("GET", "/v1beta/files", {}, ("gemini-generate", "other", None)),
        ("GET", "/v1/models", {}, ("openai-chat", "models", None)),
        ("GET", "/v1/models", CLAUDE_HEADERS, ("anthropic-messages", "models", None)),
        ("GET", "/v1/models", ANTHROPIC_AGENT, ("anthropic-messages", "models", None)),
        ("GET", "/v1/models", GEMINI_HEADERS, ("gemini-generate", "models", None)),
        ("GET", "/v1/models/gpt-5.5", {}, ("openai-chat", "other", None)),
        ("POST", "/v1/completions", {}, ("openai-chat", "generate", None)),
        ("POST", "/v1/audio/speech", {}, ("openai-chat", "other", None)),
        ("GET", "/v1/messages", CLAUDE_HEADERS, ("anthropic-messages", "other", None)),
        ("GET", "/favicon.ico", {}, None),
        ("POST", "/v1/", {}, None),
        ("HEAD", "/", {}, None),
    ],
)  # fmt: skip
def test_paths_lead_to_dialects(method: str, path: str, headers: dict[str, str], expected: Any) -> None:
    located = locate(method, path, headers)
    assert (located and (located.dialect.name, located.operation, located.path_model)) == expected

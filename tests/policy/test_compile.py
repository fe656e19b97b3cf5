"""What compiles to what: order, defaults, broken rules, backends, tenants, purity."""

from __future__ import annotations

import random
import re

import pytest

from ccproxy_contract.accounts import accounts_bytes
from ccproxy_contract.snapshot import Credential, Route, Target, TokenRange, snapshot_bytes, snapshot_from_bytes
from ccproxy_policy.admit import admitted
from ccproxy_policy.compile import compile
from ccproxy_policy.documents import documents_from_text
from ccproxy_policy.starter import starter_files
from tests.policy.writing import BACKENDS, ENVIRONMENT, backend, compiled, documents, policy, snapshot

ONE_RULE = policy("""
    rules:
      - name: small
        match: {models: [claude-*], promptTokens: {max: 2000}}
        then: {route: {targets: [{backend: anthropic, model: claude-haiku-5-5}]}}
""")


def test_a_rule_becomes_what_the_sidecar_runs() -> None:
    (rule,) = snapshot(ONE_RULE).rules

    assert (rule.name, rule.policy, rule.mode, rule.broken) == ("small", "p", "Enforce", "")
    assert rule.match.models == ("claude-*",)
    assert rule.match.prompt_tokens == TokenRange(max=2000)
    assert rule.then.route == Route(targets=(Target(backend="anthropic", model="claude-haiku-5-5"),))


def test_every_match_field_arrives() -> None:
    text = policy("""
        rules:
          - name: all
            match:
              models: [a]
              promptTokens: {min: 1, max: 2}
              cachedTokens: {min: 3}
              thinking: false
              tools: [Bash]
              agents: [Explore]
              task: [Main, Subagent]
              stream: true
              headers: {X-Team: "a*"}
              paths: [/v1/messages]
              metadata: {user: "re:^u"}
              session: {minTurns: 4}
              contains: [secret]
              clients: ["claude-cli/*"]
              class: my_rules:Night
              params: {hour: 22, zone: UTC, strict: true, share: 0.5}
            then: {deny: {message: "no"}}
    """)
    match = snapshot(text).rules[0].match

    assert (match.cached_tokens, match.session_min_turns) == (TokenRange(min=3), 4)
    assert (match.thinking, match.stream, match.task) == (False, True, ("Main", "Subagent"))
    assert (match.tools, match.agents, match.contains) == (("Bash",), ("Explore",), ("secret",))
    assert (match.headers, match.metadata) == ({"x-team": "a*"}, {"user": "re:^u"})
    assert (match.paths, match.clients) == (("/v1/messages",), ("claude-cli/*",))
    assert match.custom is not None
    assert match.custom.target == "my_rules:Night"
    assert match.custom.params == {"hour": 22, "zone": "UTC", "strict": True, "share": 0.5}


def _deny(name: str, priority: int) -> str:
    return policy(f"priority: {priority}\nrules: [{{name: {name}, then: {{deny: {{message: x}}}}}}]", name=name)


def test_rules_run_by_priority_then_file_then_position() -> None:
    texts = {
        "b.yaml": _deny("third", 5) + "---\n" + _deny("first", 9),
        "a.yaml": _deny("second", 5) + "---\n" + _deny("last", -1),
        "z.yaml": BACKENDS,
    }
    found = [d for file, text in texts.items() for d in documents(text, file=file)]
    result = compile(found, environment=ENVIRONMENT)

    assert result.problems == ()
    assert [rule.name for rule in result.snapshots[""].rules] == ["first", "second", "third", "last"]


def test_the_same_documents_in_any_order_give_the_same_bytes() -> None:
    found = [*documents(ONE_RULE), *documents(_deny("x", 3), file="b.yaml"), *documents(BACKENDS, file="z.yaml")]
    once = compile(found, environment=ENVIRONMENT)
    random.Random(7).shuffle(found)
    again = compile(found, environment=ENVIRONMENT)

    assert snapshot_bytes(once.snapshots[""]) == snapshot_bytes(again.snapshots[""])
    assert accounts_bytes(once.accounts) == accounts_bytes(again.accounts)
    assert snapshot_from_bytes(snapshot_bytes(once.snapshots[""])) == once.snapshots[""]


def test_another_rule_gives_another_hash() -> None:
    assert snapshot(ONE_RULE).hash != snapshot(ONE_RULE.replace("2000", "2001")).hash


def test_a_rule_without_treatment_takes_its_policys_default() -> None:
    text = policy("""
        default: {route: {targets: [{backend: openai}]}}
        rules:
          - {name: plain}
          - {name: no, then: {deny: {status: 451, message: not here}}}
    """)
    plain, refused = snapshot(text).rules

    assert plain.then.route == Route(targets=(Target(backend="openai"),))
    assert refused.then.route is None
    assert refused.then.deny is not None
    assert refused.then.deny.status == 451


def test_the_default_of_the_first_enforced_policy_is_the_snapshots() -> None:
    default = "default: {{route: {{targets: [{{backend: {0}}}]}}}}\npriority: {1}\nmode: {2}"
    text = "---\n".join(
        [
            policy(default.format("openai", 1, "Enforce"), name="low"),
            policy(default.format("anthropic", 5, "Enforce"), name="high"),
            policy(default.format("openai", 8, "Shadow"), name="shadow"),
            policy(default.format("openai", 9, "Off"), name="off"),
        ]
    )
    found = snapshot(text).default

    assert found is not None
    assert (found.name, found.policy) == ("default", "high")
    assert found.then.route == Route(targets=(Target(backend="anthropic"),))


def test_a_policy_without_a_default_leaves_it_to_those_behind_it() -> None:
    text = _deny("first", 9) + "---\n" + policy("default: {deny: {message: x}}", name="second")

    found = snapshot(text).default
    assert found is not None
    assert found.policy == "second"


def test_mode_off_is_a_word_and_leaves_the_policy_out() -> None:
    assert snapshot(ONE_RULE.replace("spec:\n", "spec:\n  mode: Off\n")).rules == ()


def test_what_a_policy_that_is_off_routes_to_need_not_exist() -> None:
    assert snapshot(policy("mode: Off\nrules: [{name: r, then: {route: {targets: [{backend: later}]}}}]")).rules == ()


def test_shadow_rules_stay_and_say_so() -> None:
    (rule,) = snapshot(ONE_RULE.replace("spec:\n", "spec:\n  mode: Shadow\n")).rules

    assert rule.mode == "Shadow"


def test_a_rule_whose_backends_are_all_missing_is_kept_broken() -> None:
    result = compiled(ONE_RULE.replace("backend: anthropic", "backend: nowhere"))
    (rule,) = result.snapshots[""].rules

    assert rule.broken == "no usable backend: nowhere"
    assert [problem.path for problem in result.problems] == ["spec.rules[0].then.route.targets[0].backend"]


def test_a_rule_with_one_missing_backend_keeps_the_others() -> None:
    text = policy("rules: [{name: r, then: {route: {targets: [{backend: nowhere}, {backend: openai}]}}}]")
    (rule,) = compiled(text).snapshots[""].rules

    assert rule.broken == ""
    assert rule.then.route == Route(targets=(Target(backend="openai"),))


def test_a_refused_backend_breaks_its_rules_and_is_reported_once() -> None:
    text = policy("rules: [{name: r, then: {route: {targets: [{backend: deepseek}]}}}]")
    result = compiled(text, environment={})

    assert [problem.path for problem in result.problems] == ["spec.credentials.env"]
    assert result.snapshots[""].rules[0].broken == "no usable backend: deepseek"
    assert "deepseek" not in [found.name for found in result.snapshots[""].backends]


def test_a_bad_object_is_left_out_and_the_rest_compiles() -> None:
    result = compiled(ONE_RULE + "---\n" + policy("rulez: []", name="q"))

    assert [rule.policy for rule in result.snapshots[""].rules] == ["p"]
    assert len(result.problems) == 1


def test_backends_take_what_their_provider_knows() -> None:
    found = {b.name: b for b in snapshot("").backends}

    assert found["anthropic"].url == "https://api.anthropic.com"
    assert found["anthropic"].credential.kind == "PassThrough"
    assert found["openai"].dialects == ("openai-chat", "openai-responses", "openai-embeddings")
    assert found["deepseek"].credential == Credential(kind="Key", key="sk-test-1")
    assert found["deepseek"].price_keys == ("deepseek",)


def test_a_backend_written_in_full_arrives() -> None:
    text = backend("""
        provider: Custom
        endpoint: {url: "https://llm.example.com/api/v1/"}
        dialects: [openai-chat]
        region: eu
        headers: {X-Org: a b}
        models:
          - {name: m-1, contextWindow: 1000, maxOutputTokens: 100, price: {inputPerMTok: "0.25", outputPerMTok: "1"}}
    """)
    found = next(b for b in snapshot(text).backends if b.name == "b")

    assert (found.url, found.dialects, found.region) == ("https://llm.example.com/api/v1", ("openai-chat",), "eu")
    assert (found.headers, found.price_keys) == ({"x-org": "a b"}, ("backend/b",))
    assert found.credential.kind == "None"
    assert (found.models[0].context_window, found.models[0].max_output_tokens) == (1000, 100)


def test_context_windows_of_public_models_are_filled_in() -> None:
    text = backend("""
        provider: Anthropic
        credentials: {passThrough: true}
        models: [{name: claude-haiku-5-5}, {name: claude-sonnet-5-5, contextWindow: 5}, {name: mine}]
    """)
    found = next(b for b in snapshot(text).backends if b.name == "b")

    assert found.models[0].context_window is not None
    assert found.models[0].context_window >= 200_000
    assert [model.context_window for model in found.models[1:]] == [5, None]


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: keys}
type: Opaque
stringData: {plain: sk-plain, shell: "${MY_KEY}"}
data: {packed: c2stcGFja2Vk}
---
"""


@pytest.mark.parametrize(("key", "value"), [("plain", "sk-plain"), ("shell", "sk-shell"), ("packed", "sk-packed")])
def test_a_secret_gives_its_value(key: str, value: str) -> None:
    text = SECRET + backend(f"provider: Groq\ncredentials: {{secretRef: {{name: keys, key: {key}}}}}")
    found = next(b for b in snapshot(text, environment={**ENVIRONMENT, "MY_KEY": "sk-shell"}).backends if b.name == "b")

    assert found.credential == Credential(kind="Key", key=value)


def test_the_only_tenant_pays_else_local() -> None:
    tenant = "apiVersion: ccproxy.ai/v1alpha1\nkind: Tenant\nmetadata: {name: me}\n"

    assert snapshot("").tenant == "local"
    assert snapshot(tenant).tenant == "me"
    assert [t.name for t in compiled(tenant).accounts.tenants] == ["me"]


def test_the_book_holds_the_large_three_and_the_backends_own() -> None:
    book = snapshot(backend("provider: Mistral\ncredentials: {passThrough: true}")).book

    assert set(book.keys) == {"anthropic", "openai", "google", "deepseek", "mistral"}
    assert compiled("").accounts.book == snapshot("").book


def test_the_starter_policies_have_no_problems() -> None:
    found = [d for file, text in starter_files().items() for d in documents(text, file=file)]
    result = compile(found, environment={})

    assert result.problems == ()
    assert [b.name for b in result.snapshots[""].backends] == ["anthropic", "openai"]


def test_the_starters_examples_have_no_problems_either() -> None:
    texts = {file: re.sub(r"(?m)^# ?(?!#)", "", text) for file, text in starter_files().items()}
    found = [d for file, text in texts.items() for d in documents(text, file=file)]
    result = compile(found, environment={"GEMINI_API_KEY": "k"})

    assert [problem.text for problem in result.problems] == []
    assert len(result.snapshots[""].backends) == 4
    assert len(result.snapshots[""].rules) == 3


def test_no_key_is_ever_shown() -> None:
    result = compiled("")
    text, problems = documents_from_text("s.yaml", SECRET)

    assert problems == []
    assert "sk-test-1" not in repr(result.snapshots[""].backends)
    assert "sk-plain" not in repr(compile(text, environment={}))
    assert "sk-plain" not in repr(text)
    assert "sk-plain" not in repr(admitted(text[0]))


@pytest.mark.parametrize("value", ["9223372036854775808", "-9223372036854775808", "1.0e+999", "x" * 4097])
def test_a_param_that_cannot_be_handed_on_is_a_problem(value: str) -> None:
    rule = f"rules: [{{name: r, match: {{class: 'a:B', params: {{p: {value}}}}}, then: {{deny: {{message: x}}}}}}]"
    (problem,) = compiled(policy(rule)).problems

    assert problem.path == "spec.rules[0].match.params.p"


def test_a_variables_line_end_is_not_part_of_its_key() -> None:
    found = {b.name: b for b in snapshot("", environment={"DEEPSEEK_API_KEY": " sk-test-2\n"}).backends}

    assert found["deepseek"].credential.key == "sk-test-2"


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("OpenAI", "http://127.0.0.1:9000/v1"),
        ("OpenAI", "http://localhost:9000"),
        ("OpenAI", "http://[::1]:9000"),
        ("VLLM", "http://gpu-7.lan:8000/v1"),
        ("OpenAI", "https://gateway.example.com/openai/v1/"),
    ],
)
def test_an_address_is_kept_without_its_last_slash(provider: str, url: str) -> None:
    text = backend(f"provider: {provider}\nendpoint: {{url: '{url}'}}\ncredentials: {{passThrough: true}}")
    found = next(b for b in snapshot(text).backends if b.name == "b")

    assert found.url == url.rstrip("/")


CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUN+pYVA3UlwN9DWFsaqzoRFk2SoIwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwOTUzMTJaGA8yMTI2MTAyODA5NTMx
MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABG2K
h35uC/yil1+te4+G2v36B/knAXQXPO/HHbTRAP1nTo8hSx3+02mdRJVpZlet5BCT
JlZBGztRM1SHbpywrJajUzBRMB0GA1UdDgQWBBQY7Yzj0y5MizT+7FcXlmAL67/O
5DAfBgNVHSMEGDAWgBQY7Yzj0y5MizT+7FcXlmAL67/O5DAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCIC1QIoPO5L/k1i1bbvWqak0eCjPQWXdkTuW+
GfgY5wGEAiApb9lzPOcUBoBMQXBu4ena5bSeHRZ6k20QxJFZHMzmDw==
-----END CERTIFICATE-----
"""


def test_certificates_are_handed_on() -> None:
    lines = "".join(f"        {line}\n" for line in CERTIFICATE.splitlines())
    text = backend("provider: Custom\ndialects: [openai-chat]")
    text += f"  endpoint:\n    url: https://llm.example.com\n    caBundle:\n      pem: |\n{lines}"
    found = next(b for b in snapshot(text).backends if b.name == "b")

    assert found.ca_bundle == CERTIFICATE


def test_a_default_may_refuse() -> None:
    found = snapshot(policy("default: {deny: {status: 404, message: no route}}")).default

    assert found is not None
    assert found.then.deny is not None
    assert (found.then.deny.status, found.then.route) == (404, None)

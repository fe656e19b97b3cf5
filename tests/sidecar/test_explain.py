"""`explain` says rule by rule why a call goes where it goes, and calls nobody."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates, price_book
from ccproxy_contract.snapshot import (
    Backend,
    Credential,
    CustomRule,
    Deny,
    Match,
    Route,
    Rule,
    Snapshot,
    Target,
    TokenRange,
    Treatment,
    sealed,
    snapshot_bytes,
)  # fmt: skip
from ccproxy_sidecar.explain import main
from ccproxy_sidecar.explain_input import recorded

KEY = "sk-of-the-provider"
SAID = "Please read the parser and say what it does."
MESSAGES: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 2_000,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": SAID}],
}


def _model(name: str, per_token: int) -> ModelPrices:
    tier = TierRates(input=per_token, output=5 * per_token)
    return ModelPrices(id=name, match=Clause(kind="equals", text=name), periods=(Period(tiers=(tier,)),))


def _rule(name: str, match: Match, *targets: Target, **more: Any) -> Rule:
    then = more.pop("then", Treatment(route=Route(targets=targets, strategy=more.pop("strategy", "Priority"))))
    return Rule(name=name, policy="coding", mode=more.pop("mode", "Enforce"), match=match, then=then, **more)


ANTHROPIC = Backend(
    name="anthropic", provider="Anthropic", url="https://api.anthropic.com", dialects=("anthropic-messages",),
    credential=Credential(kind="Key", key=KEY), price_keys=("anthropic",),
)  # fmt: skip
OPENAI = Backend(
    name="openai", provider="OpenAI", url="https://api.openai.com/v1", dialects=("openai-chat", "openai-responses"),
    credential=Credential(kind="None"), price_keys=("openai",),
)  # fmt: skip
BOOK = price_book({"anthropic": (_model("claude-opus-5-5", 4_000_000), _model("claude-haiku-5-5", 1_000_000))})

RULES = (
    _rule("long", Match(prompt_tokens=TokenRange(min=60_000)), Target(backend="anthropic")),
    _rule("watched", Match(models=("claude-*",)), Target(backend="anthropic", model="x"), mode="Shadow"),
    _rule("explorers", Match(agents=("Explore",)), Target(backend="anthropic", model="claude-haiku-5-5")),
    _rule("no-batch", Match(clients=("batch/*",)), then=Treatment(deny=Deny(status=403, message="not from here"))),
    _rule("gone", Match(clients=("gone/*",)), Target(backend="lost"), broken="backend lost does not exist"),
    _rule(
        "opus", Match(models=("claude-opus-*",)), Target(backend="openai", model="gpt-5.1"),
        Target(backend="anthropic", model="claude-haiku-5-5"), Target(backend="anthropic"),
    ),
    _rule("never", Match(), Target(backend="openai")),
)  # fmt: skip


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return _written(tmp_path, Snapshot(rules=RULES, backends=(ANTHROPIC, OPENAI), book=BOOK))


def _written(folder: Path, snapshot: Snapshot) -> Path:
    path = folder / "snapshot.json"
    path.write_bytes(snapshot_bytes(sealed(snapshot)))
    return path


def _explain(
    snapshot: Path, body: Any, *options: str, capsys: pytest.CaptureFixture[str], code: int = 0
) -> dict[str, Any]:
    source = snapshot.parent / "call"
    source.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert main([str(source), "--snapshot", str(snapshot), "--json", *options]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_rule_is_answered_up_to_the_one_that_decides(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _explain(snapshot, MESSAGES, capsys=capsys)
    verdicts = {rule["rule"]: rule["verdict"] for rule in found["rules"]}
    assert verdicts == {
        "long": "no match", "watched": "shadow", "explorers": "no match", "no-batch": "no match", "gone": "no match",
        "opus": "decides", "never": "not reached",
    }  # fmt: skip
    assert found["rules"][2]["fields"] == [{"field": "agents", "holds": False, "why": "the agent is main"}]
    assert found["outcome"]["rule"] == "opus"
    assert found["outcome"]["policy"] == "coding"
    assert found["outcome"]["shadow"] == "watched -> anthropic/x"


def test_targets_stand_in_the_order_of_trying_with_their_estimated_cost(
    snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _explain(snapshot, MESSAGES, capsys=capsys)
    tokens = found["cost"]["prompt_tokens"]
    assert 10 < tokens < 20
    haiku, opus = (f"{(tokens + 5 * 2_000) * rate / 10**6:.6f}" for rate in (1, 4))
    targets = [(t["backend"], t["model"], t["cost_usd"], t["skipped"]) for t in found["outcome"]["targets"]]
    assert targets == [
        ("anthropic", "claude-haiku-5-5", haiku, ""),
        ("anthropic", "claude-opus-5-5", opus, ""),
        ("openai", "gpt-5.1", None, "it does not speak anthropic-messages"),
    ]
    assert found["cost"]["at_model_asked_for_usd"] == opus
    assert found["cost"]["assumed_output_tokens"] == 2_000
    assert found["cost"]["output_from_request"] is True


def test_a_call_without_a_limit_is_priced_with_a_guess_that_is_called_one(
    snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = {"model": "gpt-5.1", "messages": MESSAGES["messages"]}
    found = _explain(snapshot, chat, capsys=capsys)
    assert found["call"]["dialect"] == "openai-chat"
    assert (found["cost"]["assumed_output_tokens"], found["cost"]["output_from_request"]) == (1_000, False)
    assert found["outcome"]["rule"] == "never"
    assert found["outcome"]["targets"][0]["cost_usd"] is None


def test_the_text_holds_the_same_and_no_prompt_and_no_key(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = snapshot.parent / "call"
    source.write_text(json.dumps(MESSAGES))
    assert main([str(source), "--snapshot", str(snapshot), "--header", "x-api-key: sk-of-the-client"]) == 0
    text = capsys.readouterr().out
    for part in (
        "6. opus (coding): decides",
        "fails  agents: the agent is main",
        "2. watched (coding) [Shadow]: shadow",
        "1. anthropic claude-haiku-5-5: about $0.01",
        "decided by rule opus of coding",
        "guessed from the body",
        "skipped, it does not speak anthropic-messages",
    ):
        assert part in text
    for secret in (KEY, "sk-of-the-client", SAID, "Be brief"):
        assert secret not in text


RECORDING = (
    b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Claude-Code-Session-Id: s-1\r\n"
    b"x-claude-code-agent-id: a-1\r\nx-claude-code-agent-type: Explore\r\nUser-Agent: claude-cli/2.1.329\r\n\r\n"
)


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_a_recorded_request_is_read_with_its_headers(
    snapshot: Path, capsys: pytest.CaptureFixture[str], ending: bytes
) -> None:
    raw = RECORDING.replace(b"\r\n", ending) + json.dumps(MESSAGES, indent=1).encode()
    found = _explain(snapshot, raw, capsys=capsys)
    call = found["call"]
    assert (call["session"], call["agent"], call["task"]) == ("s-1", "Explore", "Subagent")
    assert call["guessed_path"] is False
    assert found["outcome"]["rule"] == "explorers"


def test_headers_of_the_command_line_win(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = RECORDING + json.dumps(MESSAGES).encode()
    found = _explain(snapshot, raw, "--header", "X-CCPROXY-AGENT: docs", capsys=capsys)
    assert found["call"]["agent"] == "docs"


def test_a_deny_is_a_decision(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _explain(snapshot, MESSAGES, "--header", "user-agent: batch/2", capsys=capsys, code=0)
    assert found["outcome"]["refused"] == "403: not from here"
    assert found["outcome"]["targets"] == []


def test_a_broken_rule_has_no_target(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _explain(snapshot, MESSAGES, "--header", "user-agent: gone/1", capsys=capsys, code=1)
    assert "backend lost does not exist" in found["outcome"]["refused"]
    assert found["outcome"]["targets"][0]["skipped"] == "there is no such backend"


def test_without_rules_the_only_native_backend_serves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = _written(tmp_path, Snapshot(backends=(ANTHROPIC, OPENAI), book=BOOK))
    found = _explain(one, MESSAGES, capsys=capsys)
    assert [target["backend"] for target in found["outcome"]["targets"]] == ["anthropic"]
    none = _written(tmp_path, Snapshot(backends=(OPENAI,)))
    assert _explain(none, MESSAGES, capsys=capsys, code=1)["outcome"]["refused"].startswith("404: ")


def test_a_list_of_models_is_explained_too(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = b"GET /v1/models HTTP/1.1\nanthropic-version: 2023-06-01\n\n"
    found = _explain(snapshot, raw, capsys=capsys)
    assert found["call"]["operation"] == "models"
    assert {rule["verdict"] for rule in found["rules"]} == {"not reached"}


@pytest.mark.parametrize("strategy", ["RoundRobin", "Weighted"])
def test_a_balanced_route_says_that_others_may_begin_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], strategy: str
) -> None:
    targets = (Target(backend="anthropic", model="claude-haiku-5-5", weight=0), Target(backend="anthropic"))
    path = _written(
        tmp_path, Snapshot(rules=(_rule("both", Match(), *targets, strategy=strategy),), backends=(ANTHROPIC,))
    )
    found = _explain(path, MESSAGES, capsys=capsys)
    skipped = [target["skipped"] for target in found["outcome"]["targets"]]
    assert skipped == (["", ""] if strategy == "RoundRobin" else ["", "its weight is 0"])
    assert main([str(tmp_path / "call"), "--snapshot", str(path)]) == 0
    assert f"({strategy}: a new conversation may begin at another" in capsys.readouterr().out


def test_text_says_when_there_are_no_rules_and_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, Snapshot(backends=(OPENAI,)))
    (tmp_path / "call").write_text(json.dumps(MESSAGES))
    assert main([str(tmp_path / "call"), "--snapshot", str(path)]) == 1
    text = capsys.readouterr().out
    assert "There are no rules." in text
    assert "refused with 404: " in text
    assert "at the model asked for: unknown price" in text


def test_a_users_own_rule_is_loaded_only_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "explained_rules.py").write_text("class Always:\n    def matches(self, facts):\n        return True\n")
    rule = _rule("own", Match(custom=CustomRule(target="explained_rules:Always")), Target(backend="anthropic"))
    path = _written(tmp_path, Snapshot(rules=(rule,), backends=(ANTHROPIC,)))
    assert _explain(path, MESSAGES, "--rules-path", str(tmp_path), capsys=capsys)["outcome"]["rule"] == "own"
    assert main([str(tmp_path / "call"), "--snapshot", str(path)]) == 2
    assert "rule own: class:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "options", "says"),
    [
        (b"hello", [], "neither JSON nor a recorded HTTP request"),
        (b"\xff\xfe", [], "neither JSON nor a recorded HTTP request"),
        (b"[" * 100_000, [], "neither JSON nor a recorded HTTP request"),
        (b"[1]", [], "no object"),
        (b'{"contents": []}', [], "add --path"),
        (b'{"model": "m", "messages": 7}', [], "messages"),
        (b"{}", ["--path", "/v2/nothing"], "no dialect"),
        (b"{}", ["--path", "v1/messages"], "begin with a slash"),
        (b"{}", ["--header", "no colon"], "is not `name: value`"),
        (b"POST /v1/messages HTTP/1.1\nbad header\n\n{}", [], "is not `name: value`"),
        (b"POST /v1/messages HTTP/1.1\ncontent-encoding: gzip\n\n\x1f\x8b", [], "compressed"),
        (b"POST /v1/messages HTTP/1.1\ntransfer-encoding: chunked\n\nzz\n{}", [], "chunked"),
        (b"POST /v1/messages HTTP/1.1\n\nnot json", [], "no anthropic-messages request"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(
    snapshot: Path, capsys: pytest.CaptureFixture[str], raw: bytes, options: list[str], says: str
) -> None:
    source = snapshot.parent / "call"
    source.write_bytes(raw)
    assert main([str(source), "--snapshot", str(snapshot), *options]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


def test_a_missing_or_foreign_snapshot_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], snapshot: Path
) -> None:
    (tmp_path / "call").write_text(json.dumps(MESSAGES))
    for name, content in (("none", None), ("cut", snapshot.read_bytes()[:-9]), ("edited", b'{"hash":"x"}')):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert main([str(tmp_path / "call"), "--snapshot", str(tmp_path / name)]) == 2
        assert "ccproxy explain: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (MESSAGES, "/v1/messages"),
        ({"model": "claude-haiku-5-5", "max_tokens": 9, "messages": []}, "/v1/messages"),
        ({"model": "m", "max_tokens": 9, "messages": []}, "/v1/chat/completions"),
        ({"model": "m", "messages": []}, "/v1/chat/completions"),
        ({"model": "gpt-5.1", "input": "hi"}, "/v1/responses"),
        ({"model": "text-embedding-3-small", "input": "hi"}, "/v1/embeddings"),
        ({"model": "models/gemini-3-pro", "contents": []}, "/v1beta/models/gemini-3-pro:generateContent"),
        ({}, "/v1/chat/completions"),
    ],
)
def test_a_bare_body_is_known_by_its_shape(body: dict[str, Any], path: str) -> None:
    found = recorded(json.dumps(body).encode(), path=None, headers=())
    assert (found.path, found.guessed_path) == (path, True)


def test_recordings_of_proxies_and_of_chunked_uploads_are_read() -> None:
    raw = (
        b"POST https://api.openai.com/v1/responses?x=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5;a=b\r\n{"a":\r\n4\r\n\r\n1}\r\n0\r\n\r\n'
    )
    found = recorded(raw, path=None, headers=())
    assert (found.method, found.path, found.query) == ("POST", "/v1/responses", "x=1")
    assert found.body == b'{"a":\r\n1}'
    assert recorded(raw, path="/v1/messages?beta=true", headers=()).query == "beta=true"


def test_it_runs_as_a_process_and_reads_standard_input(snapshot: Path) -> None:
    command = [sys.executable, "-m", "ccproxy_sidecar.explain", "--snapshot", str(snapshot), "-"]
    done = subprocess.run(command, input=json.dumps(MESSAGES).encode(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"decided by rule opus" in done.stdout


def test_standard_input_is_read_in_the_same_process_too(
    snapshot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(MESSAGES).encode())))
    assert main(["--snapshot", str(snapshot), "-"]) == 0
    assert "decided by rule opus" in capsys.readouterr().out

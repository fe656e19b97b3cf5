"""Gateways that people install today, set up as their documents say for speed: no database, no logging, no network.

`peers.py` installs them; what is not installed is skipped and named. Next: `targets.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench import places
from bench.target import Shape, Target

_LITELLM_KEY = "sk-" + "0123456789abcdef" * 4
"""LiteLLM refuses to start with a missing or weak master key."""
_LITELLM_ENV = {
    "LITELLM_MASTER_KEY": _LITELLM_KEY,
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_TELEMETRY": "False",
}
_LITELLM_CONFIG = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: openai/gpt-4o, api_base: "http://127.0.0.1:{port}/v1", api_key: sk-x}}
  - model_name: claude-sonnet-4-5
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_base: "http://127.0.0.1:{port}", api_key: sk-x}}
litellm_settings: {{num_retries: 0, request_timeout: 600, set_verbose: false, callbacks: [], telemetry: false}}
router_settings: {{num_retries: 0}}
"""
_PORTKEY = places.NODE_MODULES / "@portkey-ai/gateway/build/start-server.js"
_CCR = places.NODE_MODULES / "@musistudio/claude-code-router/dist/cli.js"


def targets() -> tuple[Target, ...]:
    return (
        _litellm("litellm", "chat"),
        _litellm("litellm-anthropic", "messages"),
        _portkey("portkey", "chat", "openai"),
        _portkey("portkey-anthropic", "messages", "anthropic"),
        _ccr(),
    )


def _litellm(name: str, shape: Shape) -> Target:
    def prepare(provider: int, port: int) -> None:  # noqa: ARG001
        _litellm_config(provider).write_text(_LITELLM_CONFIG.format(port=provider))

    def command(provider: int, port: int) -> list[str]:
        listen = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        return [str(places.LITELLM), "--config", str(_litellm_config(provider)), *listen]

    return Target(
        name=name,
        shape=shape,
        command=command,
        prepare=prepare,
        env=_LITELLM_ENV,
        headers=lambda provider: (f"Authorization: Bearer {_LITELLM_KEY}",),  # noqa: ARG005
        settle_s=4,
        peer=True,
        needs=(places.LITELLM,),
    )


def _litellm_config(provider: int) -> Path:
    return places.PERF / f"litellm-{provider}.yaml"


def _portkey(name: str, shape: Shape, provider_name: str) -> Target:
    def headers(provider: int) -> tuple[str, ...]:
        return (
            "Authorization: Bearer sk-x",
            "x-api-key: sk-x",
            f"x-portkey-provider: {provider_name}",
            f"x-portkey-custom-host: http://127.0.0.1:{provider}/v1",
        )

    return Target(
        name=name,
        shape=shape,
        command=lambda provider, port: ["node", str(_PORTKEY), f"--port={port}", "--headless"],  # noqa: ARG005
        env={"NODE_ENV": "production"},
        headers=headers,
        peer=True,
        needs=(_PORTKEY,),
    )


def _ccr() -> Target:
    """claude-code-router, Messages in and out. It reads its configuration from a home folder only."""

    def command(provider: int, port: int) -> list[str]:  # noqa: ARG001
        return ["env", f"HOME={_ccr_home(provider)}", "node", str(_CCR), "start"]

    return Target(
        name="ccr", shape="messages", command=command, prepare=_write_ccr_home, settle_s=3, peer=True, needs=(_CCR,)
    )


def _ccr_home(provider: int) -> Path:
    return places.PERF / f"ccr-{provider}"


def _write_ccr_home(provider: int, port: int) -> None:
    folder = _ccr_home(provider) / ".claude-code-router"
    folder.mkdir(parents=True, exist_ok=True)
    upstream = {
        "name": "up",
        "api_base_url": f"http://127.0.0.1:{provider}/v1/messages",
        "api_key": "sk-x",
        "models": ["claude-sonnet-4-5"],
        "transformer": {"use": ["Anthropic"]},
    }
    config = {
        "LOG": False,
        "PORT": port,
        "HOST": "127.0.0.1",
        "NON_INTERACTIVE_MODE": True,
        "API_TIMEOUT_MS": 600_000,
        "Providers": [upstream],
        "Router": {"default": "up,claude-sonnet-4-5"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    for stale in folder.glob("*.pid"):
        stale.unlink()

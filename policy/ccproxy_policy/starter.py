"""The policies that `ccproxy install` writes: they work as they are, with the key or login of each client.

Next: `crds.py`.
"""

from __future__ import annotations

from typing import Final

_BACKENDS: Final = """\
## Where calls can go. As written, each client's own key or login goes on to its own provider,
## so nothing has to be set up. `ccproxy check` says what is wrong after an edit; a running ccproxy
## takes a good edit at once and keeps the last good policies otherwise.
## Lines with one # are examples: take the # and the space after it away.

apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: anthropic}
spec:
  provider: Anthropic
  credentials: {passThrough: true}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: openai}
spec:
  provider: OpenAI
  credentials: {passThrough: true}

## Gemini, with a key from the environment that ccproxy is started in:
# ---
# apiVersion: ccproxy.ai/v1alpha1
# kind: ModelBackend
# metadata: {name: gemini}
# spec:
#   provider: Gemini
#   credentials: {env: GEMINI_API_KEY}

## A model on your own machine:
# ---
# apiVersion: ccproxy.ai/v1alpha1
# kind: ModelBackend
# metadata: {name: ollama}
# spec:
#   provider: Ollama
#   endpoint: {url: http://127.0.0.1:11434}
#   models:
#     - name: qwen3-coder
#       contextWindow: 262144
#       price: {inputPerMTok: "0", outputPerMTok: "0"}
"""

_ROUTING: Final = """\
## What happens to each call: the first rule that matches decides. A call that no rule matches goes to
## the backend that speaks its client's language. `ccproxy explain FILE` shows why a call goes where it goes.

apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {name: routing}
spec:
  mode: Enforce            # Shadow: decide and report, change nothing. Off: as if it were not there

## Some rules to start from: take away the # and the space after it.
#   rules:
#     # Titles, topics and other small background calls of an agent: a small model does.
#     - name: background-on-haiku
#       match: {task: [Utility], models: ["claude-*"]}
#       then: {route: {targets: [{backend: anthropic, model: claude-haiku-5-5}]}}
#
#     # A coding agent's subagents that search.
#     - name: explorers-on-haiku
#       match: {agents: [Explore], models: ["claude-*"]}
#       then: {route: {targets: [{backend: anthropic, model: claude-haiku-5-5}]}}
#
#     # Never send a private key anywhere.
#     - name: no-private-keys
#       match: {contains: ["BEGIN * PRIVATE KEY"]}
#       then: {deny: {status: 403, message: "The prompt holds a private key."}}
"""


def starter_files() -> dict[str, str]:
    """File names and their text."""
    return {"backends.yaml": _BACKENDS, "routing.yaml": _ROUTING}

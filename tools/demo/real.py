"""`--real`: a few small calls to the real provider with the key from the environment. Costs a fraction of a cent.

The provider's books cannot be read here: `/usage` is compared with what the SDK reported. Next: `../lock.sh`.
"""

from __future__ import annotations

from pathlib import Path

import anthropic
import openai

from tools.demo.audit import Audit
from tools.demo.coding import PLACEHOLDER
from tools.demo.figures import Json, metrics, settled_usage, usage
from tools.demo.processes import home, running_ccproxy
from tools.demo.progress import Progress
from tools.demo.receipt import receipt
from tools.demo.settings import provider_key

CLAUDE = "claude-sonnet-5-5"
GPT = "gpt-5.4-mini"
QUESTION = "Answer with one word: what colour is the sky by day?"
POLICY = """\
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: real}}
spec:
  provider: {provider}
  credentials: {{env: {name}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {{name: real}}
spec:
  rules:
    - name: background-on-small
      match: {{task: [Utility]}}
      then: {{route: {{targets: [{{backend: real, model: {small}}}]}}}}
"""


class NoKey(Exception):
    """There is no key to call a real provider with."""


def played(progress: Progress) -> Json:
    """Four calls to the first provider there is a key for, and the receipt. Raises `NoKey`."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        key = provider_key(name)
        if key:
            return _played(name, key, progress)
    raise NoKey("--real needs ANTHROPIC_API_KEY or OPENAI_API_KEY in the environment")


def _played(name: str, key: str, progress: Progress) -> Json:
    progress.phase(f"starting ccproxy for the real provider ({name})")
    claude = name.startswith("ANTHROPIC")
    with home() as folder:
        policies = folder / "policies"
        policies.mkdir()
        small = "claude-haiku-5-5" if claude else "gpt-5.4-nano"
        provider = "Anthropic" if claude else "OpenAI"
        Path(policies / "real.yaml").write_text(POLICY.format(provider=provider, name=name, small=small))
        with running_ccproxy(folder, policies, {name: key}) as url:
            progress.phase("four small calls")
            counted = _claude(url, progress) if claude else _gpt(url, progress)
            settled_usage(url, len(counted))
            told = usage(url, "rule")
            checked = _checked(counted, told)
            shown = receipt(told, metrics(url), checked, calls=progress.calls, url=url)
            progress.done()
            return shown


def _claude(url: str, progress: Progress) -> list[tuple[int, int]]:
    """Input and output tokens of each call, as the SDK reports them."""
    counted = []
    with anthropic.Anthropic(base_url=url, api_key=PLACEHOLDER) as client:
        for text in (QUESTION, f"{QUESTION} And by night?", "hello there"):
            progress.call()
            spent = client.messages.create(
                model=CLAUDE, max_tokens=64, messages=[{"role": "user", "content": text}]
            ).usage
            cached = (spent.cache_read_input_tokens or 0) + (spent.cache_creation_input_tokens or 0)
            counted.append((spent.input_tokens + cached, spent.output_tokens))
    return counted


def _gpt(url: str, progress: Progress) -> list[tuple[int, int]]:
    counted = []
    with openai.OpenAI(base_url=f"{url}/v1", api_key=PLACEHOLDER) as client:
        for text in (QUESTION, f"{QUESTION} And by night?", "hello there"):
            progress.call()
            spent = client.chat.completions.create(
                model=GPT, max_completion_tokens=256, messages=[{"role": "user", "content": text}]
            ).usage
            assert spent is not None
            counted.append((spent.prompt_tokens, spent.completion_tokens))
    return counted


def _checked(counted: list[tuple[int, int]], told: Json) -> Audit:
    """What the SDK reported against `/usage`."""
    tokens = told["total"]["tokens"]
    read = tokens["uncached"] + tokens["cache_read"]
    read += sum(count for bucket, count in tokens.items() if bucket.startswith("cache_write"))
    sums = {"input": (sum(i for i, _ in counted), read), "output": (sum(o for _, o in counted), tokens["output"])}
    different = tuple(f"{k}: the SDK reported {a:,}, /usage says {b:,}" for k, (a, b) in sums.items() if a != b)
    return Audit(len(counted), different, (0, 0))

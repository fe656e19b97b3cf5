"""Which variables and arguments point a program at ccproxy. Only what is true is set: a dialect some backend speaks.

Pure: takes the environment, gives the additions. A user's own key is never replaced, and a placeholder key is given
only where every backend of the dialect has a key of its own. Next: `commands/run.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ccproxy_cli.state import BackendState
from ccproxy_contract.names import PLACEHOLDER_KEY

ANTHROPIC = "anthropic-messages"
CHAT = "openai-chat"
RESPONSES = "openai-responses"
EMBEDDINGS = "openai-embeddings"
GEMINI = "gemini-generate"

LOOPBACK_NAMES = ("127.0.0.1", "localhost")
NO_PROXY_NAMES = ("NO_PROXY", "no_proxy")


@dataclass(frozen=True)
class Pointed:
    """What to add to a program's environment, and the arguments that go before the user's own."""

    variables: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    missing: str = ""
    """Why this agent cannot go through ccproxy: what no backend speaks. Empty: it can."""


@dataclass(frozen=True)
class Route:
    """What an agent's variables depend on: ccproxy's address, the backends, and what the user has set."""

    address: str
    backends: tuple[BackendState, ...]
    environment: Mapping[str, str]

    def speaks(self, *dialects: str) -> bool:
        """Does some backend speak one of these?"""
        return any(self._of(*dialects))

    def keyed(self, *dialects: str) -> bool:
        """Do all backends of these dialects need no key from the client?"""
        speaking = self._of(*dialects)
        return bool(speaking) and all(backend.credential != "PassThrough" for backend in speaking)

    def placeholder(self, name: str, *others: str, dialects: tuple[str, ...]) -> dict[str, str]:
        """A placeholder for the key variable `name`, unless the user set it or one of `others`."""
        if any(self.environment.get(known) for known in (name, *others)) or not self.keyed(*dialects):
            return {}
        return {name: PLACEHOLDER_KEY}

    def _of(self, *dialects: str) -> list[BackendState]:
        return [backend for backend in self.backends if set(dialects) & set(backend.dialects)]


def claude(route: Route) -> Pointed:
    """Claude Code: reads ANTHROPIC_BASE_URL; sends what a call is for in headers when asked to (apis.md §1.2, §1.5)."""
    if not route.speaks(ANTHROPIC):
        return Pointed(missing=ANTHROPIC)
    hints = route.environment.get("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1")
    variables = {"ANTHROPIC_BASE_URL": route.address, "CLAUDE_CODE_GATEWAY_HINT_HEADERS": hints}
    # The token rather than the API key: for a key that it has not seen Claude Code asks the user first.
    return Pointed(variables | route.placeholder("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", dialects=(ANTHROPIC,)))


def codex(route: Route) -> Pointed:
    """Codex: only speaks Responses and takes its address from its configuration (apis.md §1.8, 0.169).

    Its built-in provider sends a login or CODEX_API_KEY but never OPENAI_API_KEY (measured 2026-11-21). A provider of
    our own sends that one, and where no key is needed it keeps Codex from asking for a login.
    """
    if not route.speaks(RESPONSES):
        return Pointed(missing=RESPONSES)
    url = f"{route.address}/v1"
    has_key = bool(route.environment.get("OPENAI_API_KEY")) and not route.environment.get("CODEX_API_KEY")
    if not has_key and not route.keyed(RESPONSES):
        return Pointed(arguments=("-c", f'openai_base_url="{url}"'))
    key = ', env_key="OPENAI_API_KEY"' if has_key else ""
    provider = f'{{name="ccproxy", base_url="{url}", wire_api="responses"{key}}}'
    return Pointed(
        arguments=("-c", 'model_provider="ccproxy"', "-c", f"model_providers.ccproxy={provider}"),
    )


def gemini(route: Route) -> Pointed:
    """Gemini CLI: its SDK reads GOOGLE_GEMINI_BASE_URL."""
    return Pointed(_gemini_variables(route)) if route.speaks(GEMINI) else Pointed(missing=GEMINI)


def aider(route: Route) -> Pointed:
    """Aider: calls through LiteLLM, which also reads the older OPENAI_API_BASE."""
    variables = _openai_variables(route) | _anthropic_variables(route)
    if "OPENAI_BASE_URL" in variables:
        variables["OPENAI_API_BASE"] = variables["OPENAI_BASE_URL"]
    if "ANTHROPIC_BASE_URL" in variables:
        variables["ANTHROPIC_API_BASE"] = variables["ANTHROPIC_BASE_URL"]
    return Pointed(variables) if variables else Pointed(missing=f"{CHAT} or {ANTHROPIC}")


def opencode(route: Route) -> Pointed:
    """OpenCode: takes addresses from its configuration only; a piece of it may come in a variable.

    Its base URLs end in the API's version (opencode.ai/docs/config, 2026-11). What the user put into that variable
    stays, ours is merged in.
    """
    wanted = (
        ("anthropic", (ANTHROPIC,), "v1"),
        ("openai", (RESPONSES, CHAT), "v1"),
        ("google", (GEMINI,), "v1beta"),
    )
    providers = {
        name: _opencode_provider(route, dialects, version)
        for name, dialects, version in wanted
        if route.speaks(*dialects)
    }
    if not providers:
        return Pointed(missing=f"{ANTHROPIC}, {RESPONSES}, {CHAT} or {GEMINI}")
    theirs = _json_object(route.environment.get("OPENCODE_CONFIG_CONTENT", ""))
    merged = _merged(theirs, {"provider": providers})
    return Pointed({"OPENCODE_CONFIG_CONTENT": json.dumps(merged, separators=(",", ":"))})


def any_program(route: Route) -> Pointed:
    """Any other program: the variables that the official SDKs read (apis.md §1.9)."""
    variables = _anthropic_variables(route) | _openai_variables(route) | _gemini_variables(route)
    return Pointed(variables) if variables else Pointed(missing="any dialect")


AGENTS: Mapping[str, Callable[[Route], Pointed]] = {
    "claude": claude,
    "codex": codex,
    "gemini": gemini,
    "aider": aider,
    "opencode": opencode,
}


def pointed(agent: str, route: Route) -> Pointed:
    """What to add for the program called `agent`, and NO_PROXY, so that no proxy stands between it and ccproxy."""
    made = AGENTS.get(agent, any_program)(route)
    if made.missing:
        return made
    return Pointed(made.variables | _without_proxy(route.environment), made.arguments)


def _anthropic_variables(route: Route) -> dict[str, str]:
    if not route.speaks(ANTHROPIC):
        return {}
    key = route.placeholder("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", dialects=(ANTHROPIC,))
    return {"ANTHROPIC_BASE_URL": route.address} | key


def _openai_variables(route: Route) -> dict[str, str]:
    dialects = (CHAT, RESPONSES, EMBEDDINGS)
    if not route.speaks(*dialects):
        return {}
    return {"OPENAI_BASE_URL": f"{route.address}/v1"} | route.placeholder("OPENAI_API_KEY", dialects=dialects)


def _gemini_variables(route: Route) -> dict[str, str]:
    if not route.speaks(GEMINI):
        return {}
    key = route.placeholder("GEMINI_API_KEY", "GOOGLE_API_KEY", dialects=(GEMINI,))
    return {"GOOGLE_GEMINI_BASE_URL": route.address} | key


def _opencode_provider(route: Route, dialects: tuple[str, ...], version: str) -> dict[str, object]:
    options = {"baseURL": f"{route.address}/{version}"}
    if route.keyed(*dialects):
        options["apiKey"] = PLACEHOLDER_KEY
    return {"options": options}


def _json_object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _merged(theirs: Mapping[str, object], ours: Mapping[str, object]) -> dict[str, object]:
    merged = dict(theirs)
    for name, value in ours.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    added = {}
    for variable in NO_PROXY_NAMES:
        names = [name.strip() for name in environment.get(variable, "").split(",") if name.strip()]
        if "*" not in names:
            added[variable] = ",".join([*names, *(name for name in LOOPBACK_NAMES if name not in names)])
    return added

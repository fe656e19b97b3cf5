"""What an agent's own settings say against us. Reads those files, never writes them. Next: `commands/run.py`."""

from __future__ import annotations

import json
from pathlib import Path

GEMINI_KEY = "gemini-api-key"
"""The way to sign in with which Gemini CLI 0.61 goes where GOOGLE_GEMINI_BASE_URL says (measured 2026-11-21)."""


def settings_warning(agent: str, user_home: Path) -> str:
    """A sentence when the settings of `agent` keep its calls from ccproxy; empty when nothing speaks for that."""
    if agent == "claude":
        return claude_warning(user_home)
    return gemini_warning(user_home) if agent == "gemini" else ""


def claude_warning(user_home: Path) -> str:
    """A sentence when Claude Code's settings name another address: they win over variables (apis.md §1.5)."""
    path = user_home / ".claude" / "settings.json"
    try:
        address = str(json.loads(path.read_bytes())["env"]["ANTHROPIC_BASE_URL"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return (
        f"{path} sets ANTHROPIC_BASE_URL to {address}, which wins over what `ccproxy run` sets. Remove it there, or "
        "make it ccproxy's address."
    )


def gemini_warning(user_home: Path) -> str:
    """A sentence when Gemini CLI would sign in otherwise than with a key: then it calls Google itself, or nobody."""
    path = user_home / ".gemini" / "settings.json"
    try:
        chosen = json.loads(path.read_bytes())["security"]["auth"]["selectedType"]
    except (OSError, ValueError, KeyError, TypeError):
        chosen = None
    wanted = f'{{"security": {{"auth": {{"selectedType": "{GEMINI_KEY}"}}}}}}'
    if chosen == GEMINI_KEY:
        return ""
    if chosen is None:
        return f"{path} does not choose a way to sign in, so Gemini CLI may refuse to start. Write {wanted} there."
    return f"{path} has Gemini CLI sign in by {chosen}, and such calls go past ccproxy. Write {wanted} there."

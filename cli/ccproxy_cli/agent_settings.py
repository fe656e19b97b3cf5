"""What an agent's own settings say against us. Reads those files, never writes them. Next: `commands/run.py`."""

from __future__ import annotations

import json
from pathlib import Path


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

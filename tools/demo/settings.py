"""What the environment says to the demo. The only file here that reads it. Next: `processes.py`."""

from __future__ import annotations

import os


def environment(**ours: str) -> dict[str, str]:
    """The environment of a process that we start: no setting of another ccproxy, but `ours`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CCPROXY_")}
    return {**kept, **ours}


def provider_key(name: str) -> str:
    """`ANTHROPIC_API_KEY` or `OPENAI_API_KEY`; empty when it is not set."""
    return os.environ.get(name, "")

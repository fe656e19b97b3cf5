"""The whole session, call by call, through the official SDKs. More than 40 calls, some of which go wrong on purpose.

Must not look at the receipt. Next: `agent.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fakes.provider.process import RunningProvider
from tools.demo import coding, gemini_calls, openai_calls, troubles
from tools.demo.progress import Progress

PHASES: tuple[tuple[str, Callable[[str, RunningProvider, Progress], None]], ...] = (
    ("an agent names its session and works", coding.main_agent),
    ("the provider is overloaded, a spare answers", troubles.overloaded),
    ("a client leaves in the middle of a stream", troubles.client_leaves),
    ("a prompt with a private key", troubles.private_key),
    ("a program on OpenAI's Chat", openai_calls.chat),
    ("a program on OpenAI's Responses", openai_calls.responses),
    ("embeddings", openai_calls.embeddings),
    ("a program on Gemini", gemini_calls.gemini),
)


def play(url: str, provider: RunningProvider, progress: Progress) -> None:
    """Every phase, in order."""
    for name, phase in PHASES:
        progress.phase(name)
        phase(url, provider, progress)

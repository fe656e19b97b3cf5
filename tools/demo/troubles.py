"""What goes wrong on purpose: an overloaded provider, a client that leaves, a prompt that must not go out.

Next: `openai_calls.py`.
"""

from __future__ import annotations

import anthropic

from tests.fakes.provider.faults import Planned
from tests.fakes.provider.process import RunningProvider
from tools.demo.agent import MODEL, RULES, headers
from tools.demo.coding import client_for
from tools.demo.progress import Progress

PRIMARY_KEY = "sk-demo-primary"
SPARE_KEY = "sk-demo-spare"
LEAVES_AFTER_EVENTS = 12


class NotDenied(Exception):
    """A call that a rule denies was answered."""


def overloaded(url: str, provider: RunningProvider, progress: Progress) -> None:
    """The first account answers 529 to everything: the call is still answered, by the second."""
    provider.plan(Planned(fault="status=529;retry_after=0", times=-1, key=PRIMARY_KEY))
    with client_for(url) as client:
        for text in ("Say 30 words while it is overloaded", "Say 30 words once more"):
            progress.call()
            client.messages.create(
                model=MODEL,
                max_tokens=4_000,
                thinking={"type": "adaptive"},
                system=RULES * 10,
                messages=[{"role": "user", "content": text}],
                extra_headers=headers("main"),
            )
    provider.plan()


def client_leaves(url: str, provider: RunningProvider, progress: Progress) -> None:
    """Somebody presses Escape: ccproxy hangs up at the provider, and what was produced is charged."""
    provider.plan(Planned(fault="slow_chunk=0.03"))
    progress.call()
    with (
        client_for(url) as client,
        client.messages.stream(
            model=MODEL,
            max_tokens=4_000,
            thinking={"type": "adaptive"},
            messages=[{"role": "user", "content": "Say 400 words, I shall not read them all"}],
            extra_headers=headers("main"),
        ) as stream,
    ):
        for _ in zip(range(LEAVES_AFTER_EVENTS), stream, strict=False):
            pass
    provider.plan()


def private_key(url: str, _: RunningProvider, progress: Progress) -> None:
    """Raises `NotDenied` when it is answered."""
    progress.call()
    text = "What is this?\n-----BEGIN RSA PRIVATE KEY-----\nnot a real one\n"
    try:
        with client_for(url) as client:
            client.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": text}])
    except anthropic.APIStatusError:
        return
    raise NotDenied("a prompt with a private key went out")

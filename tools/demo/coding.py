"""The coding agent's own calls: title, main turns, subagents, compaction, counting. Next: `troubles.py`."""

from __future__ import annotations

import anthropic
from anthropic.types import JSONOutputFormatParam

from tests.fakes.provider.process import RunningProvider
from tools.demo.agent import MODEL, RULES, TOOLS, Conversation, headers
from tools.demo.progress import Progress

PLACEHOLDER = "ccproxy"
TURNS = (
    "Find where the config is read: use the tool",
    "Rename the option: use the tool",
    "Say 60 words about what could break",
    "Fix the failing test: use the tool",
    "Do the same in both readers: use two tools",
    "Say 80 words as a summary of the change",
)
TITLE: JSONOutputFormatParam = {
    "type": "json_schema",
    "schema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
}


def client_for(url: str) -> anthropic.Anthropic:
    """The SDK pointed at ccproxy; retries are ccproxy's business here."""
    return anthropic.Anthropic(base_url=url, api_key=PLACEHOLDER, max_retries=0)


def main_agent(url: str, _: RunningProvider, progress: Progress) -> None:
    """A title, six turns with tools and thinking, two subagents, a compaction, some counting."""
    with client_for(url) as client:
        _title(client, progress)
        main = Conversation(client, progress, RULES * 160, headers("main"))
        for text in TURNS:
            main.say(text)
        _subagent(main, "Explore", hinted=True)
        _subagent(main, "rust-specialist", hinted=False)
        _compact(client, progress)
        for text in ("one", "two", "three"):
            progress.call()
            client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": text}])


def _title(client: anthropic.Anthropic, progress: Progress) -> None:
    """What Claude Code asks first, of its main model."""
    progress.call()
    client.messages.create(
        model=MODEL,
        max_tokens=512,
        system="You are naming a coding session. " + RULES * 4,
        messages=[{"role": "user", "content": TURNS[0]}],
        output_config={"format": TITLE},
        extra_headers=headers("auxiliary"),
    )


def _subagent(main: Conversation, kind: str, *, hinted: bool) -> None:
    """The main agent starts a subagent; a user's own kind shows only in the words that started it."""
    prompt = f"Look for every use of the old name ({kind}): use the tool"
    call = main.say(f"spawn {kind}: {prompt}")[0]
    told = headers("subagent", agent_id=f"agent-{kind}", agent_type=kind if hinted else "custom")
    if not hinted:
        del told["x-claude-code-request-class"]
    child = Conversation(
        main.client, main.progress, f"You are {kind}. " + RULES * 60, told, tools=TOOLS[:2], thinking=False
    )
    child.say(prompt)
    child.say("Look in the tests too: use the tool")
    main.results({call["id"]: "Found 4 uses."})


def _compact(client: anthropic.Anthropic, progress: Progress) -> None:
    progress.call()
    client.messages.create(
        model=MODEL,
        max_tokens=4_000,
        system=RULES * 20,
        messages=[{"role": "user", "content": f"{RULES * 40}\nSay 120 words that hold all that matters."}],
        extra_headers=headers("compaction", compaction="auto"),
    )

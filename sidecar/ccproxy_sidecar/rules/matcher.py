"""What every matcher answers. One matcher a file, each a small class without a parent.

Must not remember anything about a call: a matcher is built once per snapshot and shared by all calls.
Next: `pattern.py`, then the matchers in the order of their cost, `stream.py` first.
"""

from __future__ import annotations

from typing import Protocol

from ccproxy_sidecar.call import Call


class Matcher(Protocol):
    """One field of a rule's `match`."""

    @property
    def field(self) -> str:
        """The field's name as people write it."""
        ...

    def holds(self, call: Call) -> bool | None:
        """Whether the field holds for the call; `None` when only `ask` can tell."""
        ...

    def why(self, call: Call) -> str:
        """What the call has against what the field wants; never text of the prompt, never a header's value."""
        ...


class AskingMatcher(Matcher, Protocol):
    """A matcher that may need time: a tokenizer, a user's own code."""

    async def ask(self, call: Call) -> bool: ...

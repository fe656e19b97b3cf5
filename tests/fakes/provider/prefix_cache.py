"""What the provider has cached of earlier prompts: by breakpoints (Anthropic) or by itself (OpenAI, Gemini).

Facts: docs.anthropic.com prompt caching and platform.openai.com prompt caching, 2026-11. Must not know dialects: it
gets a prompt as parts in order. Time is given. Next: `asked.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import msgspec

MIN_TOKENS = 1_024
"""Shorter prefixes are not cached (both providers, most models)."""
FIVE_MINUTES_S = 300
HOUR_S = 3_600
AUTOMATIC_S = 600
"""OpenAI keeps prefixes for 5-10 minutes of inactivity."""
AUTOMATIC_STEP = 128
"""OpenAI caches in steps of 128 tokens."""
LOOKBACK_PARTS = 20
"""Anthropic looks for a hit at most so many parts before a breakpoint."""
MAX_ENTRIES = 200_000


class Part(msgspec.Struct, frozen=True):
    """A stretch of a prompt. `ttl_s` > 0: a breakpoint stands at its end."""

    content: bytes
    tokens: int
    ttl_s: int = 0


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens read from the cache and written to it; the rest of the prompt is neither."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    written_automatic: int = 0


class PrefixCache:
    """Prefixes by digest. `clock` gives seconds; a scope is an account and a model, which never share."""

    def __init__(self, clock: Callable[[], float], min_tokens: int = MIN_TOKENS) -> None:
        self._clock = clock
        self._min_tokens = min_tokens
        self._until: dict[bytes, tuple[float, int]] = {}

    def clear(self) -> None:
        self._until.clear()

    def at_breakpoints(self, scope: str, parts: tuple[Part, ...]) -> Hit:
        """Anthropic: read up to the longest live prefix near a breakpoint, write every later breakpoint."""
        ends = _ends(scope, parts)
        marks = [i for i, part in enumerate(parts) if part.ttl_s]
        read_at = max((i for mark in marks if (i := self._hit_before(mark, ends)) is not None), default=-1)
        covered = ends[read_at][1] if read_at >= 0 else 0
        read, written = covered, {FIVE_MINUTES_S: 0, HOUR_S: 0}
        for mark in marks:
            digest, total = ends[mark]
            if total < self._min_tokens:
                continue
            self._keep(digest, parts[mark].ttl_s)
            if total > covered:
                written[parts[mark].ttl_s] += total - covered
                covered = total
        return Hit(read=read, written_5m=written[FIVE_MINUTES_S], written_1h=written[HOUR_S])

    def by_itself(self, scope: str, parts: tuple[Part, ...]) -> Hit:
        """OpenAI and Gemini: the longest known prefix in steps of 128 tokens, all of the prompt kept."""
        prompt = sum(part.tokens for part in parts)
        read = known = 0
        for digest, total in _steps(scope, b"".join(part.content for part in parts)):
            if total > prompt:
                break
            known = total
            if read == total - AUTOMATIC_STEP and self._live(digest):
                read = total
            self._keep(digest, AUTOMATIC_S)
        read = read if read >= self._min_tokens else 0
        return Hit(read=read, written_automatic=known - read if known >= self._min_tokens else 0)

    def _hit_before(self, mark: int, ends: list[tuple[bytes, int]]) -> int | None:
        for at in range(mark, max(-1, mark - LOOKBACK_PARTS - 1), -1):
            digest, total = ends[at]
            if total >= self._min_tokens and self._live(digest):
                self._keep(digest, self._until[digest][1])
                return at
        return None

    def _live(self, digest: bytes) -> bool:
        return self._until.get(digest, (0.0, 0))[0] > self._clock()

    def _keep(self, digest: bytes, ttl_s: int) -> None:
        ttl_s = max(ttl_s, self._until.pop(digest, (0.0, 0))[1])
        self._until[digest] = (self._clock() + ttl_s, ttl_s)
        if len(self._until) > MAX_ENTRIES:
            del self._until[next(iter(self._until))]


def _ends(scope: str, parts: tuple[Part, ...]) -> list[tuple[bytes, int]]:
    """Per part the digest and the token count of the prompt up to its end."""
    running, total, ends = hashlib.blake2b(scope.encode(), digest_size=16), 0, []
    for part in parts:
        running.update(len(part.content).to_bytes(8, "big") + part.content)
        total += part.tokens
        ends.append((running.digest(), total))
    return ends


def _steps(scope: str, content: bytes) -> Iterable[tuple[bytes, int]]:
    running, width = hashlib.blake2b(scope.encode(), digest_size=16), AUTOMATIC_STEP * 4
    for end in range(width, len(content) + 1, width):
        running.update(content[end - width : end])
        yield running.digest(), end // 4

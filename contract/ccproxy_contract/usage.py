"""Usage: the token counts of one attempt, in disjoint buckets.

Must not know any provider's field names (dialects do). Next: `money.py`.
"""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Token counts of one attempt. Every input token is in exactly one input bucket.

    `output` is everything billed as output and includes `reasoning` (a part of it, shown apart, never added).
    Total input = `uncached + cache_read + the four cache_write buckets`.
    """

    uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = msgspec.field(default=0, name="cacheWrite5m")
    cache_write_30m: int = msgspec.field(default=0, name="cacheWrite30m")
    cache_write_1h: int = msgspec.field(default=0, name="cacheWrite1h")
    cache_write_12h: int = msgspec.field(default=0, name="cacheWrite12h")
    output: int = 0
    reasoning: int = 0
    web_searches: int = 0

    @property
    def cache_write(self) -> int:
        return self.cache_write_5m + self.cache_write_30m + self.cache_write_1h + self.cache_write_12h

    @property
    def input(self) -> int:
        """Everything the provider read: uncached, read from and written to its cache."""
        return self.uncached + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        mine, its = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        names = self.__struct_fields__
        return Usage(**{name: a + b for name, a, b in zip(names, mine, its, strict=True)})


NO_USAGE = Usage()

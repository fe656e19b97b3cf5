"""Asking the API server about tokens: few at a time, bounded, and for a minute without it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ccproxy_operator.distributor import reviews
from ccproxy_operator.distributor.identity import Identity
from ccproxy_operator.distributor.reviews import Reviews

WHO = Identity("blue", "app", "", "")


class Server:
    """Answers reviews as an API server would, when it is there and `go` is set."""

    def __init__(self) -> None:
        self.asked = self.at_once = self.most = 0
        self.away = False
        self.good = True
        self.now_s = 0.0
        self.go = asyncio.Event()
        self.go.set()

    async def review(self, _token: str, audience: str) -> Mapping[str, object]:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        if self.away:
            raise ConnectionError
        user = {"username": "system:serviceaccount:blue:app"}
        return {"authenticated": self.good, "audiences": [audience], "user": user}

    def reviews(self) -> Reviews:
        return Reviews(self.review, audience="ccproxy-config", clock_s=lambda: self.now_s)


async def test_every_connection_asks_anew() -> None:
    server = Server()
    asking = server.reviews()
    assert await asking.verdict("t") == WHO
    server.good = False
    assert await asking.verdict("t") == "bad"
    assert server.asked == 2


async def test_without_an_api_server_a_good_token_is_good_for_a_minute() -> None:
    server = Server()
    asking = server.reviews()
    await asking.verdict("t")
    server.away = True
    server.now_s = 59.9
    assert await asking.verdict("t") == WHO
    assert await asking.verdict("unknown") == "later"
    server.now_s = 60.0
    assert await asking.verdict("t") == "later"
    assert asking.remembered.value == 1


async def test_a_token_that_was_found_bad_is_forgotten() -> None:
    server = Server()
    asking = server.reviews()
    await asking.verdict("t")
    server.good = False
    await asking.verdict("t")
    server.away = True
    assert await asking.verdict("t") == "later"


async def test_an_answer_some_seconds_old_does_where_the_caller_says_so() -> None:
    server = Server()
    asking = server.reviews()
    await asking.verdict("t", fresh_s=30)
    server.now_s = 29
    await asking.verdict("t", fresh_s=30)
    assert server.asked == 1
    server.now_s = 31
    await asking.verdict("t", fresh_s=30)
    assert server.asked == 2


async def test_at_most_32_are_asked_at_once_and_a_flood_is_turned_away() -> None:
    server = Server()
    server.go.clear()
    asking = server.reviews()
    tasks = [asyncio.create_task(asking.verdict(f"t{number}")) for number in range(reviews.WAITING + 10)]
    for _ in range(5):
        await asyncio.sleep(0)
    server.go.set()
    verdicts = await asyncio.gather(*tasks)
    assert server.most == reviews.IN_FLIGHT
    assert verdicts.count("later") == 10
    assert asking.turned_away.value == 10


async def test_what_is_no_token_is_not_asked_about() -> None:
    server = Server()
    asking = server.reviews()
    for token in ("", "ä", "x" * (reviews.MAX_TOKEN_CHARS + 1)):
        assert await asking.verdict(token) == "bad"
    assert server.asked == 0


async def test_the_memory_of_good_tokens_is_bounded_and_holds_no_token() -> None:
    server = Server()
    asking = server.reviews()
    for number in range(reviews.REMEMBERED + 5):
        await asking.verdict(f"secret-{number}")
    assert len(asking._good) == reviews.REMEMBERED
    assert "secret" not in repr(asking._good)

"""The client of configuration streams against a real TLS WebSocket server that misbehaves in every way we know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ccproxy_contract.names import PATH_STREAM
from ccproxy_contract.snapshot import Snapshot, sealed
from ccproxy_contract.stream import CLOSE_GOING, CLOSE_UNAUTHENTICATED, Ack, Current, Reject, Slice, word_bytes
from ccproxy_runtime import config_stream, freshness
from ccproxy_runtime.background import background
from ccproxy_runtime.config_stream import ConfigStream, Source, register
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.metrics import Registry
from tests.fakes.operator.server import FakeOperator, fake_operator, slice_of
from tests.fakes.tls_files import Root, made_root


def made(name: str, **versions: str) -> Slice:
    """A slice whose content differs by `name`, made of these resourceVersions."""
    return slice_of(sealed(Snapshot(workload=f"Deployment/{name}", resource_versions=versions)))


class Client:
    """A stream and what it took; slices named in `refused` are rejected."""

    def __init__(self, operator_url: str, folder: Path, *, roots: tuple[str, ...], running: Running) -> None:
        self.token_file = folder / "token"
        self.token_file.write_text("good\n")
        self.roots = roots
        self.took: list[str] = []
        self.refused: set[str] = set()
        self.broken: set[str] = set()
        source = Source(
            url=operator_url,
            path=PATH_STREAM,
            token_file=self.token_file,
            roots=lambda: self.roots,
            features=("a", "b"),
            build="test",
        )
        self.stream = ConfigStream(source, take=self.take, running=running, random=lambda: 0.5, clock_s=time.monotonic)

    async def take(self, offer: Slice) -> Ack | Reject:
        if offer.hash in self.broken:
            raise KeyError(offer.hash)
        if offer.hash in self.refused:
            return Reject(offer.hash, "no such pattern")
        self.took.append(offer.hash)
        return Ack(offer.hash)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return made_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def leaf(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root.leaf(tmp_path_factory.mktemp("leaf"), "localhost")


@pytest.fixture
async def operator(leaf: Path) -> AsyncIterator[FakeOperator]:
    async with fake_operator(leaf) as operator:
        yield operator


@asynccontextmanager
async def connected(
    operator: FakeOperator,
    folder: Path,
    root: Root,
    running: Running = Running(),  # noqa: B008 - immutable
) -> AsyncIterator[Client]:
    client = Client(operator.url, folder, roots=(root.pem, ""), running=running)
    async with background(client.stream.run()):
        await operator.until(lambda: bool(operator.hellos))
        yield client


async def failed(client: Client, *, times: int) -> None:
    for _ in range(1000):
        if client.stream.failures >= times:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never failed to connect")


async def test_a_slice_is_taken_and_acknowledged(operator: FakeOperator, tmp_path: Path, root: Root) -> None:
    operator.offer = first = made("one", Secret="5")
    async with connected(operator, tmp_path, root) as client:
        await operator.acked(first.hash)
        assert client.took == [first.hash]
        assert client.stream.running == Running(first.hash, {"Secret": "5"})
        assert client.stream.offers.age_s() == 0.0
    assert (operator.hellos[0].features, operator.hellos[0].build, operator.hellos[0].running) == (
        ("a", "b"),
        "test",
        "",
    )
    assert operator.sent_tokens == ["good"]


async def test_what_the_last_good_file_held_is_not_taken_again(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    operator.offer = first = made("one", Secret="7")
    async with connected(operator, tmp_path, root, Running(first.hash, {"Secret": "5"})) as client:
        second = made("two", Secret="6")  # between what the file said and what the operator confirmed
        await operator.publish(second)
        await operator.until(lambda: bool(operator.answers))
    assert operator.hellos[0].running == first.hash
    assert isinstance(operator.answers[0], Reject)
    assert "older" in operator.answers[0].reason
    assert client.took == []


async def test_a_slice_that_is_not_taken_leaves_the_last_good_one(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    operator.offer = first = made("one")
    async with connected(operator, tmp_path, root) as client:
        await operator.acked(first.hash)
        bad, breaking, good = made("bad"), made("breaking"), made("good")
        client.refused.add(bad.hash)
        client.broken.add(breaking.hash)
        await operator.publish(bad)
        await operator.publish(breaking)
        await operator.until(lambda: len(operator.answers) == 3)
        assert client.stream.running.hash == first.hash
        assert client.stream.offers.age_s() > 0
        await operator.publish(good)
        await operator.acked(good.hash)
    assert operator.answers[1] == Reject(bad.hash, "no such pattern")
    assert isinstance(operator.answers[2], Reject)
    assert "KeyError" in operator.answers[2].reason
    assert client.took == [first.hash, good.hash]


@pytest.mark.parametrize(
    "frame",
    [b"rubbish", b"{}", b'{"type":"slice","hash":"x","content":[1]}', b'{"type":"launch"}',
     word_bytes(Current("sha256:of-something-else"))],
)  # fmt: skip
async def test_rubbish_is_counted_and_the_next_slice_is_taken(
    operator: FakeOperator, tmp_path: Path, root: Root, frame: bytes
) -> None:
    async with connected(operator, tmp_path, root) as client:
        await operator.say(frame)
        after = made("after")
        await operator.publish(after)
        await operator.acked(after.hash)
    assert client.stream.offers.rubbish == 1
    assert client.took == [after.hash]


async def test_an_oversized_frame_ends_the_connection_not_the_client(
    operator: FakeOperator, tmp_path: Path, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_stream, "MAX_FRAME_BYTES", 4096)
    async with connected(operator, tmp_path, root) as client:
        await operator.say(b" " * 10_000)
        await operator.until(lambda: len(operator.hellos) == 2)
        after = made("after")
        await operator.publish(after)
        await operator.acked(after.hash)
    assert client.took == [after.hash]


async def test_a_renewed_token_is_read_when_the_old_one_is_refused(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    operator.offer = first = made("one")
    async with connected(operator, tmp_path, root) as client:
        await operator.acked(first.hash)
        operator.tokens = {"renewed"}
        await operator.close(CLOSE_UNAUTHENTICATED)
        await operator.until(lambda: operator.sent_tokens.count("good") >= 2)
        client.token_file.write_text("renewed")
        await operator.until(lambda: len(operator.hellos) == 2)
    assert operator.hellos[1].running == first.hash
    assert client.took == [first.hash]


async def test_an_operator_that_goes_is_met_again_with_one_connection(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    operator.offer = first = made("one")
    async with connected(operator, tmp_path, root) as client:
        for turn in range(2, 5):
            await operator.until(lambda: len(operator.open) == 1)
            await operator.close(CLOSE_GOING)
            await operator.until(lambda turn=turn: len(operator.hellos) == turn)  # type: ignore[misc]
        assert client.stream.connections == 4
    assert operator.most_open == 1
    assert client.took == [first.hash]


async def test_a_silent_operator_is_left(
    operator: FakeOperator, tmp_path: Path, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_stream, "SILENCE_S", 0.2)
    operator.deaf = True
    async with connected(operator, tmp_path, root) as client:
        await operator.until(lambda: len(operator.hellos) == 2)
        operator.deaf = False
        operator.offer = after = made("after")
        await operator.acked(after.hash)
    assert client.stream.connections >= 3


async def test_an_older_slice_is_taken_when_nothing_newer_comes(
    operator: FakeOperator, tmp_path: Path, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "REFUSE_OLDER_S", 0.3)
    operator.offer = new = made("new", RoutingPolicy="100", Secret="9")
    async with connected(operator, tmp_path, root) as client:
        await operator.acked(new.hash)
        restored = made("restored", RoutingPolicy="99", Secret="9")
        await operator.publish(restored)
        await operator.until(lambda: len(operator.answers) == 2)
        assert client.stream.running.hash == new.hash
        await operator.acked(restored.hash)
    assert operator.answers[1:] == [
        Reject(restored.hash, "it is older than what runs (RoutingPolicy); it is taken when nothing newer comes"),
        Ack(restored.hash),
    ]
    assert client.stream.offers.freshness.taken_older == 1
    assert client.stream.running.versions == {"RoutingPolicy": "99", "Secret": "9"}


async def test_only_an_operator_with_a_trusted_root_is_spoken_to(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    other = made_root(tmp_path / "other", "somebody else")
    client = Client(operator.url, tmp_path, roots=(other.pem,), running=Running())
    async with background(client.stream.run()):
        await failed(client, times=2)
        assert (operator.hellos, operator.sent_tokens) == ([], [])
        client.roots = (other.pem, root.pem)  # the next root, announced by the snapshot
        await operator.until(lambda: len(operator.hellos) == 1)


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, root: Root) -> None:
    async with fake_operator(root.leaf(tmp_path / "leaf", "elsewhere")) as operator:
        client = Client(operator.url, tmp_path, roots=(root.pem,), running=Running())
        async with background(client.stream.run()):
            await failed(client, times=1)
        assert operator.sent_tokens == []


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
async def test_a_token_that_cannot_be_read_is_waited_for(
    operator: FakeOperator, tmp_path: Path, root: Root, content: bytes | None
) -> None:
    client = Client(operator.url, tmp_path, roots=(root.pem,), running=Running())
    client.token_file.unlink()
    if content is not None:
        client.token_file.write_bytes(content)
    async with background(client.stream.run()):
        await failed(client, times=2)
        client.token_file.write_text("good")
        await operator.until(lambda: len(operator.hellos) == 1)


async def test_metrics_tell_whether_it_is_connected_and_how_old_the_configuration_is(
    operator: FakeOperator, tmp_path: Path, root: Root
) -> None:
    registry = Registry()
    async with connected(operator, tmp_path, root) as client:
        register(client.stream, registry)
        assert b"ccproxy_config_connected 1" in registry.render()
        assert client.stream.offers.age_s() > 0
        offer = made("one")
        await operator.publish(offer)
        await operator.acked(offer.hash)
        assert b"ccproxy_config_age_seconds 0.0\n" in registry.render()
    assert b"ccproxy_config_connected 0" in registry.render()

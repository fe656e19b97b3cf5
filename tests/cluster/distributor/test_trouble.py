"""Streams in trouble: an API server that is away, clients that do not read, that refuse, that talk rubbish."""

from __future__ import annotations

import asyncio
import socket
import ssl
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from ccproxy_contract.accounts import Accounts, accounts_from_bytes, sealed_accounts
from ccproxy_contract.features import FEATURES, KNOWN_BOOK
from ccproxy_contract.names import PATH_ACCOUNTS, PATH_STREAM
from ccproxy_contract.stream import Hello, word_bytes
from ccproxy_runtime.tls import client_context
from tests.cluster.control_plane import ControlPlane
from tests.cluster.distributor.served import SYSTEM, Served, bound_token, compiled, make_pod, policy, served
from tests.waiting import until


@pytest.fixture
async def replica(cluster: ControlPlane, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(cluster, tmp_path) as running:
        yield running


def publish(replica: Served, model: str) -> None:
    replica.distributor.publish("blue", compiled("blue", policy("blue", model)), {})


async def test_without_an_api_server_streams_go_on_and_known_tokens_are_let_in(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    for pod in ("stays", "new"):
        make_pod(cluster, "blue", pod)
        replica.see("blue", pod)
    publish(replica, "claude-haiku-5-5")
    token, other = bound_token(cluster, "blue", "stays"), bound_token(cluster, "blue", "new")
    async with replica.sidecar(tmp_path, token) as client:
        await until(lambda: client.snapshot is not None)
        replica.api.access.configuration.host = "https://127.0.0.1:1"  # nobody listens there
        publish(replica, "claude-opus-5-5")
        await until(lambda: len(client.contents) == 2)
        assert await replica.refused(other) == 503
        assert await replica.refused(token) == 101


async def test_a_refused_slice_is_told_with_its_reason(replica: Served, cluster: ControlPlane, tmp_path: Path) -> None:
    make_pod(cluster, "blue", "refuses")
    replica.see("blue", "refuses")
    publish(replica, "claude-haiku-5-5")
    async with replica.sidecar(tmp_path, bound_token(cluster, "blue", "refuses"), reject="rule x:\n cannot run"):
        await until(lambda: replica.states() == {"refuses": "Rejected"})
        assert replica.distributor.acks().sidecars[0].reason == "rule x:  cannot run"
        publish(replica, "claude-opus-5-5")
        await until(lambda: replica.states() == {"refuses": "Rejected"})


@pytest.mark.parametrize("features", [FEATURES, FEATURES - {KNOWN_BOOK}])
async def test_prices_are_sent_again_only_to_who_does_not_know_them(
    replica: Served, cluster: ControlPlane, tmp_path: Path, features: frozenset[str]
) -> None:
    make_pod(cluster, "blue", "thrifty")
    replica.see("blue", "thrifty")
    publish(replica, "claude-haiku-5-5")
    async with replica.sidecar(tmp_path, bound_token(cluster, "blue", "thrifty"), features=features) as client:
        await until(lambda: replica.states() == {"thrifty": "InSync"})
        publish(replica, "claude-opus-5-5")
        await until(lambda: len(client.contents) == 2)
        assert (b'"keys"' in client.contents[1]) is (KNOWN_BOOK not in features)


async def test_new_labels_of_a_pod_bring_it_another_slice(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    pod = f"relabelled-{uuid.uuid4().hex[:6]}"  # kubectl keeps the label for itself
    make_pod(cluster, "blue", pod, labels="app: other")
    replica.see("blue", pod)
    publish(replica, "claude-haiku-5-5")
    async with replica.sidecar(tmp_path, bound_token(cluster, "blue", pod)) as client:
        await until(lambda: client.snapshot is not None)
        assert client.snapshot is not None
        assert client.snapshot.default is None
        cluster.kubectl("label", "pod", pod, "-n", "blue", "app=coder", "--overwrite")
        replica.see("blue", pod)
        await until(lambda: client.snapshot is not None and client.snapshot.default is not None)


async def test_a_client_that_does_not_read_costs_one_frame_and_slows_nobody(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    for pod in ("deaf", "keen"):
        make_pod(cluster, "blue", pod)
        replica.see("blue", pod)
    publish(replica, "claude-haiku-5-5")
    deaf = bound_token(cluster, "blue", "deaf")
    features = FEATURES - {KNOWN_BOOK}
    loop = asyncio.get_running_loop()
    talking = await loop.run_in_executor(None, connected, replica, deaf, word_bytes(Hello(features=tuple(features))))
    async with replica.sidecar(tmp_path, bound_token(cluster, "blue", "keen"), features=features) as client:
        await until(lambda: replica.states() == {"deaf": "Stale", "keen": "InSync"})
        for number in range(200):
            publish(replica, f"claude-{number}")
            await asyncio.sleep(0.005)
        publish(replica, "the-last")
        await until(lambda: client.contents and b"the-last" in client.contents[-1])
        streams = replica.distributor._sidecars.streams
        stream = next(stream for stream in streams if stream.name == "deaf")
        waiting = stream.outbox._transport.get_write_buffer_size()
        assert not stream.outbox.idle
        assert waiting < 3 * len(client.contents[-1])
    talking.close()


async def test_what_a_client_claims_to_be_able_to_do_is_not_kept_unless_it_is_known(
    replica: Served, cluster: ControlPlane
) -> None:
    make_pod(cluster, "blue", "boaster")
    replica.see("blue", "boaster")
    token = bound_token(cluster, "blue", "boaster")
    hello = word_bytes(Hello(features=(KNOWN_BOOK, *(f"made-up-{number}" for number in range(100))), build="1\x1b[2J"))
    talking = await asyncio.get_running_loop().run_in_executor(None, connected, replica, token, hello)
    await until(lambda: replica.distributor.report().features == ((KNOWN_BOOK,),))
    assert replica.distributor.report().sidecars[0].build == "1 [2J"
    talking.close()


def connected(replica: Served, token: str, hello: bytes) -> ssl.SSLSocket:
    """A TLS socket after the WebSocket's upgrade that has said hello and reads no more."""
    plain = socket.create_connection(("127.0.0.1", replica.port))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    talking = client_context(replica.root.pem).wrap_socket(plain, server_hostname="localhost")
    lines = (
        f"GET {PATH_STREAM} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        "",
        "",
    )
    talking.sendall("\r\n".join(lines).encode())
    assert b" 101 " in talking.recv(4096)
    talking.sendall(b"\x81\xfe" + len(hello).to_bytes(2, "big") + bytes(4) + hello)  # masked with zeros
    return talking


@pytest.mark.parametrize(
    "words",
    [
        [b"rubbish"],
        [word_bytes(Hello()), b"{}"],
        [word_bytes(Hello())] * 2,
        [word_bytes(Hello()), *[b'{"type":"ack","hash":"x"}'] * 60],
    ],
    ids=["rubbish", "no-word", "two-hellos", "too-many"],
)
async def test_who_talks_rubbish_is_cut_off(replica: Served, cluster: ControlPlane, words: list[bytes]) -> None:
    make_pod(cluster, "blue", "odd")
    replica.see("blue", "odd")
    token = bound_token(cluster, "blue", "odd")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            replica.url + PATH_STREAM,
            headers={"authorization": f"Bearer {token}"},
            ssl=client_context(replica.root.pem),
        ) as talking,
    ):
        for word in words:
            await talking.send_str(word.decode())
        closed = await asyncio.wait_for(talking.receive(), 10)
        assert closed.type is aiohttp.WSMsgType.CLOSE
        assert talking.close_code == 1008


async def test_a_pod_that_connects_again_takes_its_own_place(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    make_pod(cluster, "blue", "twice")
    replica.see("blue", "twice")
    publish(replica, "claude-haiku-5-5")
    token = bound_token(cluster, "blue", "twice")
    async with replica.sidecar(tmp_path, token) as first:
        await until(lambda: first.snapshot is not None)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                replica.url + PATH_STREAM,
                headers={"authorization": f"Bearer {token}"},
                ssl=client_context(replica.root.pem),
            ) as second,
        ):
            await second.send_str(word_bytes(Hello()).decode())
            await until(lambda: first.stream.connections >= 2)
            assert len(replica.distributor._sidecars.streams) == 1


async def test_a_ledger_gets_accounts_and_their_changes(replica: Served, cluster: ControlPlane, tmp_path: Path) -> None:
    make_pod(cluster, SYSTEM, "ccproxy-ledger-1", account="ccproxy-ledger")
    token = bound_token(cluster, SYSTEM, "ccproxy-ledger-1", account="ccproxy-ledger")
    replica.distributor.accounts(sealed_accounts(Accounts(namespaces={"blue": "a"})))
    async with replica.sidecar(tmp_path, token, path=PATH_ACCOUNTS) as client:
        await until(lambda: client.contents)
        assert accounts_from_bytes(client.contents[0]).namespaces == {"blue": "a"}
        replica.distributor.accounts(sealed_accounts(Accounts(namespaces={"blue": "b"})))
        await until(lambda: [each.state for each in replica.distributor.acks().ledgers] == ["InSync"])
        await until(lambda: len(client.contents) == 2)
        assert accounts_from_bytes(client.contents[1]).namespaces == {"blue": "b"}

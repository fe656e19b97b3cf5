"""The hook asks an operator over TLS for the last snapshots, and goes on without one that does not answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from ccproxy_contract.names import PATH_RETIRE
from ccproxy_operator.distributor.retirement import Remaining, Retired, retired_bytes
from ccproxy_operator.retiring.last_word import last_word
from ccproxy_operator.retiring.settings import Settings, settings_from_environment
from ccproxy_operator.retiring.uninstall import report
from ccproxy_runtime.tls import server_context
from tests.fakes.tls_files import made_root

TOLD = Retired(
    streams=3,
    acknowledged=2,
    unreachable=("ccproxy-operator-b",),
    remaining=(Remaining("team-a", "Deployment/coder", 2), Remaining("team-b", "StatefulSet/bot", 1)),
)


@contextlib.asynccontextmanager
async def operator(folder: Path, statuses: list[int]) -> AsyncIterator[tuple[Settings, list[str]]]:
    """Answers with these statuses in turn, the last one for ever; yields what was shown as a token too."""
    shown: list[str] = []

    async def retire(request: web.Request) -> web.Response:
        shown.append(request.headers.get("authorization", ""))
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        return web.Response(status=status, body=retired_bytes(TOLD) if status == 200 else b"")

    root = made_root(folder / "root")
    application = web.Application()
    application.router.add_post(PATH_RETIRE, retire)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(
        runner, "127.0.0.1", 0, ssl_context=server_context(root.leaf(folder / "leaf", "localhost"))
    ).start()
    (folder / "ccproxy-config").write_text("the-token\n")
    (folder / "ca.crt").write_text(root.pem)
    port = runner.addresses[0][1]
    try:
        yield (
            Settings(
                namespace="ccproxy-system",
                operator_url=f"https://localhost:{port}",
                root_file=folder / "ca.crt",
                tokens=folder,
                timeout_s=4.0,
            ),
            shown,
        )
    finally:
        await runner.cleanup()


async def test_the_operator_tells_how_far_it_came(tmp_path: Path) -> None:
    async with operator(tmp_path, [200]) as (settings, shown):
        assert await last_word(settings) == TOLD
        assert shown == ["Bearer the-token"]


async def test_a_replica_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    async with operator(tmp_path, [503, 200]) as (settings, shown):
        assert await last_word(settings) == TOLD
        assert len(shown) == 2


@pytest.mark.parametrize(
    "spoil", [lambda folder: (folder / "ca.crt").unlink(), lambda f: (f / "ccproxy-config").unlink()]
)
async def test_without_roots_or_token_the_uninstall_goes_on(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    async with operator(tmp_path, [200]) as (settings, shown):
        spoil(tmp_path)
        assert await last_word(settings) is None
        assert shown == []


async def test_an_operator_with_a_strange_certificate_gets_no_token(tmp_path: Path) -> None:
    async with operator(tmp_path, [200]) as (settings, shown):
        (tmp_path / "ca.crt").write_text(made_root(tmp_path / "other").pem)
        assert await last_word(settings) is None
        assert shown == []


async def test_an_operator_that_refuses_for_ever_does_not_stop_the_uninstall_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with operator(tmp_path, [403]) as (settings, shown):
        assert await last_word(settings) is None
        assert len(shown) > 1
    assert [record.message for record in caplog.records] == ["operator_silent"]


def test_the_report_names_every_workload_that_is_still_to_roll() -> None:
    said = report(TOLD)
    assert said[0].startswith("2 of 3 sidecars run their last snapshot")
    assert "Operator replica ccproxy-operator-b did not answer." in said
    assert said[-2:] == ["  team-a Deployment/coder: 2 pods", "  team-b StatefulSet/bot: 1 pods"]


def test_the_report_says_when_nothing_is_left_to_do() -> None:
    assert report(Retired(streams=0, acknowledged=0))[-1] == "No workload has a sidecar."
    assert "did not answer" in report(None)[0]
    assert "kubectl get pods" in report(None)[1]


@pytest.mark.parametrize(
    ("environ", "named"),
    [({}, "CCPROXY_NAMESPACE"), ({"CCPROXY_NAMESPACE": "n", "CCPROXY_TIMEOUT_SECONDS": "soon"}, "TIMEOUT_SECONDS")],
)
def test_a_wrong_environment_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        settings_from_environment(environ)

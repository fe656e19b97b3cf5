"""The injector as a process: TLS, sizes, health, renewed certificates, a graceful end, wrong settings."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccproxy_operator.injector.settings import settings_from_environment
from tests.injector.reviewing import review
from tests.injector.running import Injector, make_leaf, running, settings_of

POD: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "image": "i"}]}}


@pytest.fixture(scope="module")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    with running(tmp_path_factory.mktemp("tls")) as process:
        yield process


def root_in(response: dict[str, str]) -> str:
    """The root certificate that the pod was given."""
    ops = json.loads(base64.b64decode(response["patch"]))
    container = next(op["value"] for op in ops if op["path"].startswith("/spec/initContainers"))[0]
    return str(next(each["value"] for each in container["env"] if each["name"] == "CCPROXY_ROOT_CERTIFICATE"))


def test_a_pod_gets_the_sidecar_and_the_root_of_the_mounted_folder(injector: Injector) -> None:
    response = injector.review(review(POD))
    assert response["allowed"] is True
    assert root_in(response) == injector.root


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"request": {}}', b'{"request": {"uid": "u"}}',
        b'{"request": {"uid": "u", "object": {"spec": {"containers": 7}}}}',
        b'{"request": {"uid": "u", "object": ' + b'{"spec":' * 5000 + b"1" + b"}" * 5000 + b"}}",
    ],
)  # fmt: skip
def test_what_is_no_review_is_a_400_and_the_next_review_is_answered(injector: Injector, body: bytes) -> None:
    assert injector.ask(body)[0] == 400
    assert injector.review(review(POD))["allowed"] is True


def test_a_review_of_over_four_mebibytes_is_a_413(injector: Injector) -> None:
    assert injector.ask(b" " * (4 * 2**20 + 1))[0] == 413
    assert injector.ask(review(POD) + b" " * 3 * 2**20)[0] == 200


def test_other_paths_and_methods_are_not_found(injector: Injector) -> None:
    assert injector.ask(review(POD), path="/other")[0] == 404
    assert injector.ops("/inject")[0] == 404


def test_other_objects_and_operations_pass_unchanged(injector: Injector) -> None:
    others: tuple[dict[str, Any], ...] = (
        {"kind": {"kind": "Service"}},
        {"operation": "UPDATE"},
        {"subResource": "ephemeralcontainers"},
    )
    for other in others:
        assert injector.review(review(POD, **other)) == {"uid": "u-1", "allowed": True}


def test_metrics_count_outcomes_by_coded_reason(injector: Injector) -> None:
    injector.review(review({**POD, "spec": {**POD["spec"], "hostNetwork": True}}))
    status, text = injector.ops("/metrics")
    assert status == 200
    assert 'ccproxy_injector_reviews_total{outcome="refused",reason="HostNetwork"} ' in text
    assert injector.ops("/healthz")[0] == injector.ops("/readyz")[0] == 200


def test_a_renewed_certificate_and_root_are_taken_without_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "tls") as injector:
        old = injector.root
        new = make_leaf(tmp_path / "tls", name="renewed")
        assert new != old
        deadline = time.monotonic() + 30
        while True:
            try:
                status, body = injector.ask(review(POD), root=new)
                if root_in(json.loads(body)["response"]) == new:
                    break
            except urllib.error.URLError:
                pass
            assert time.monotonic() < deadline, "the renewed certificate was not taken"
            time.sleep(0.2)
        assert status == 200
        with pytest.raises(urllib.error.URLError):
            injector.ask(review(POD), root=old)


def test_a_stopping_injector_is_not_ready_but_goes_on_answering(tmp_path: Path) -> None:
    with running(tmp_path / "tls", CCPROXY_LINGER_MS="1500") as injector:
        injector.process.terminate()
        while injector.ops("/readyz")[0] == 200:
            time.sleep(0.05)
        assert injector.review(review(POD))["allowed"] is True
        assert injector.process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CCPROXY_SIDECAR_IMAGE", ""),
        ("CCPROXY_SIDECAR_PULL_POLICY", "Sometimes"),
        ("CCPROXY_SIDECAR_RESOURCES", '{"limits": {"cpu": "lots"}}'),
        ("CCPROXY_SIDECAR_RESOURCES", '{"limit": {}}'),
        ("CCPROXY_MAX_CPU", "0"),
        ("CCPROXY_MAX_MEMORY", "big"),
        ("CCPROXY_STATE_SIZE", "-1Gi"),
        ("CCPROXY_PORT", "http"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        settings_from_environment(settings_of(tmp_path, **{name: value}))


def test_without_a_certificate_it_ends_with_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ccproxy_operator.injector"]
    done = subprocess.run(
        command, env={**os.environ, **settings_of(tmp_path)}, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ccproxy injector: No such file or directory")


def test_defaults_come_from_the_namespace_and_the_sizes() -> None:
    settings = settings_from_environment(
        {"CCPROXY_SIDECAR_IMAGE": "i", "CCPROXY_NAMESPACE": "cc", "CCPROXY_STATE_SIZE": "1Gi",
         "KUBERNETES_SERVICE_HOST": "fd00::1", "CCPROXY_TLS": "/tls"}
    )  # fmt: skip
    assert settings.operator_url == "wss://ccproxy-operator.cc.svc:4145"
    assert settings.ledger_url == "https://ccproxy-ledger.cc.svc:4143"
    assert settings.spool_cap_bytes == 2**29
    assert settings.api_server == "https://[fd00::1]:443"
    assert settings.root_file == Path("/tls/ca.crt")


def test_the_injector_stays_lean() -> None:
    """It must come up in a blink and stay small: nothing that talks to clusters or reads policies is in it."""
    script = "import ccproxy_operator.injector.__main__, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert "aiohttp" in loaded
    assert {"kopf", "kubernetes", "pydantic", "cryptography", "yaml", "ccproxy_policy"} & set(loaded) == set()

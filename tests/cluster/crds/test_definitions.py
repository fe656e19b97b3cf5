"""The definitions on a real API server: good objects are stored as written, bad ones are refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ccproxy_contract.names import API_VERSION
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "RoutingPolicy": {
        "workloadSelector": {"matchLabels": {"app": "coder"}},
        "priority": 100,
        "mode": "Shadow",
        "failMode": "Open",
        "default": {"route": {"targets": [{"backend": "anthropic"}]}},
        "rules": [
            {"name": "small", "match": {"agents": ["Explore"], "promptTokens": {"max": 100}, "thinking": False}},
            {"name": "never", "match": {"contains": ["re:BEGIN .* KEY"]}, "then": {"deny": {"message": "no"}}},
        ],
    },
    "ModelBackend": {
        "provider": "Anthropic",
        "credentials": {"secretRef": {"name": "anthropic", "key": "api-key"}},
        "allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}},
        "models": [{"name": "claude-haiku-5-5", "price": {"inputPerMTok": "1", "outputPerMTok": "5"}}],
    },
    "Tenant": {"namespaces": {"matchLabels": {"team": "a"}}},
}


def _cases() -> list[tuple[str, str, list[str]]]:
    text = (Path(__file__).parent / "bad_objects.txt").read_text()
    cases = []
    for section in text.split("\n=== ")[1:]:
        name, _, rest = section.partition("\n")
        lines = rest.splitlines()
        written = "\n".join(line for line in lines if not line.startswith(">>>"))
        cases.append((name, written, [line.removeprefix(">>> ") for line in lines if line.startswith(">>>")]))
    return cases


@pytest.fixture(scope="module")
def api(cluster: ControlPlane) -> ControlPlane:
    """With the definitions."""
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        cluster.apply(path.read_text())
    for plural in ("routingpolicies", "modelbackends", "tenants"):
        cluster.kubectl("wait", f"crd/{plural}.ccproxy.ai", "--for=condition=Established", "--timeout=30s")
    return cluster


@pytest.mark.parametrize(("name", "written", "words"), _cases(), ids=[case[0] for case in _cases()])
def test_a_bad_object_is_refused_in_words(api: ControlPlane, name: str, written: str, words: list[str]) -> None:
    document = json.dumps({"apiVersion": API_VERSION, **yaml.safe_load(written)})
    refused = api.kubectl("create", "--dry-run=server", "-f", "-", stdin=document, check=False)
    assert refused.returncode != 0, name
    for word in words:
        assert word in refused.stderr


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_good_object_is_stored_as_written(api: ControlPlane, kind: str) -> None:
    written = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "good"}, "spec": GOOD[kind]}
    stored = json.loads(api.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(written)).stdout)
    assert _holds(stored["spec"], GOOD[kind])
    api.kubectl("delete", kind.lower(), "good")


def test_short_names_category_and_columns(api: ControlPlane) -> None:
    policy = {"apiVersion": API_VERSION, "kind": "RoutingPolicy", "metadata": {"name": "seen"}, "spec": {"mode": "Off"}}
    api.kubectl("create", "-f", "-", stdin=json.dumps(policy))
    status = {
        "sidecars": {"selected": 3, "inSync": 2},
        "conditions": [_condition("Accepted"), _condition("Programmed")],
    }
    patch = json.dumps({"status": status})
    api.kubectl("patch", "rp", "seen", "--subresource=status", "--type=merge", f"--patch={patch}")
    head, row = api.kubectl("get", "rp").stdout.strip().splitlines()
    assert " ".join(head.split()) == "NAME PRIORITY MODE IN SYNC SIDECARS ACCEPTED RESOLVEDREFS PROGRAMMED AGE"
    assert row.split()[:6] == ["seen", "0", "Off", "2", "3", "True"]
    assert "seen" in api.kubectl("get", "ccproxy", "--ignore-not-found").stdout
    selected = api.kubectl("get", "rp", "--field-selector=spec.mode=Shadow").stdout
    assert "seen" not in selected
    api.kubectl("delete", "rp", "seen")


def _condition(kind: str) -> dict[str, object]:
    at = "2026-11-21T00:00:00Z"
    return {"type": kind, "status": "True", "reason": "Valid", "message": "", "lastTransitionTime": at}


def _holds(stored: object, written: object) -> bool:
    """Everything that was written is there; defaults may have joined it."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return all(key in stored and _holds(stored[key], value) for key, value in written.items())
    if isinstance(written, list) and isinstance(stored, list):
        return len(stored) == len(written) and all(map(_holds, stored, written))
    return stored == written

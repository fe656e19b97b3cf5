"""Sends pods through the injector's pure half, and applies what it answers."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import jsonpatch
import msgspec

from ccproxy_operator.injector.review import Answer, Reviewer
from ccproxy_operator.injector.settings import Settings, settings_from_environment

Pod = dict[str, Any]
ROOT = "-----BEGIN CERTIFICATE-----\nroot of the tests\n-----END CERTIFICATE-----\n"
ENVIRONMENT = {
    "CCPROXY_SIDECAR_IMAGE": "registry.example/ccproxy/sidecar:1",
    "CCPROXY_IMAGE_PREFIXES": "registry.example/ccproxy, registry.example/edge/",
}
SETTINGS = settings_from_environment(ENVIRONMENT)


def review(pod: Pod, *, namespace: str = "team-a", dry_run: bool = False, **request: object) -> bytes:
    """An AdmissionReview as an API server sends it."""
    usual = {"uid": "u-1", "kind": {"kind": "Pod"}, "operation": "CREATE", "dryRun": dry_run}
    whole = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return json.dumps(whole | {"request": usual | {"namespace": namespace, "object": pod} | request}).encode()


def answer(pod: Pod, settings: Settings = SETTINGS, **request: Any) -> Answer:
    return Reviewer(settings, ROOT).answer(review(pod, **request))


def response(given: Answer) -> dict[str, Any]:
    """What the API server reads."""
    decoded: dict[str, Any] = json.loads(given.body)
    assert decoded["apiVersion"] == "admission.k8s.io/v1"
    assert decoded["response"]["uid"] == "u-1"
    found: dict[str, Any] = decoded["response"]
    return found


def patched(pod: Pod, given: Answer) -> Pod:
    """The pod as the API server goes on with it."""
    encoded = response(given).get("patch")
    if encoded is None:
        return pod
    result: Pod = jsonpatch.apply_patch(copy.deepcopy(pod), json.loads(base64.b64decode(encoded)))
    return result


def injected(pod: Pod, settings: Settings = SETTINGS) -> Pod:
    """The pod after one call; fails when it did not get the sidecar."""
    given = answer(pod, settings)
    assert given.outcome == "injected", response(given)
    return patched(pod, given)


def with_settings(**changes: Any) -> Settings:
    return msgspec.structs.replace(SETTINGS, **changes)


def sidecar(pod: Pod) -> dict[str, Any]:
    """Its container."""
    found: dict[str, Any] = next(each for each in pod["spec"]["initContainers"] if each["name"] == "ccproxy")
    return found

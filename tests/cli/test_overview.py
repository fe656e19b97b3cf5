"""What `ccproxy status` says of a cluster's objects."""

from __future__ import annotations

from ccproxy_cli.cluster.overview import overview


def false(kind: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": "False", "reason": "SecretNotFound", "message": message}


def test_what_two_conditions_say_alike_is_told_once() -> None:
    conditions = [false("ResolvedRefs", "no Secret"), false("CredentialsValid", "no Secret"), false("Accepted", "no")]
    backend = {
        "kind": "ModelBackend",
        "metadata": {"namespace": "a", "name": "b"},
        "status": {"conditions": conditions},
    }

    assert overview([], [backend]).problems == (
        "ModelBackend a/b: ResolvedRefs is false (SecretNotFound): no Secret",
        "ModelBackend a/b: Accepted is false (SecretNotFound): no",
    )
